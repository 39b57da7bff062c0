/**
 * Relations and who is in them. A unit becomes visible to the other side when it enters the scope, stops being visible
 * when it leaves or begins to die, and counts until its own hooks are through: only then the relation can go.
 * Juju 3.6: state/relationunit.go, state/relation.go, state/cleanup.go.
 */
import type { Core, EndpointRow, ModelData, RelationRow, UnitRow, VersionedBag } from "./data.ts";
import { jujuOf } from "./juju-line.ts";
import { asBytes } from "./names.ts";
import { existing, machineOf } from "./rows.ts";

export function isPeer(relation: RelationRow): boolean {
  return relation.endpoints.length === 1;
}

export function involves(relation: RelationRow, application: string): boolean {
  return relation.endpoints.some((endpoint) => endpoint.application === application);
}

/** The application's own side. */
export function nearEndpoint(relation: RelationRow, application: string): EndpointRow {
  const endpoint = relation.endpoints.find((candidate) => candidate.application === application);
  if (endpoint === undefined) throw new Error(`application ${application} is not in relation ${relation.id}`);
  return endpoint;
}

/** The other application; a peer relation's own one. */
export function remoteApplication(relation: RelationRow, application: string): string {
  if (isPeer(relation)) return application;
  const other = relation.endpoints.find((candidate) => candidate.application !== application);
  if (other === undefined) throw new Error(`relation ${relation.id} has no other side for ${application}`);
  return other.application;
}

/** `web:db app:db`: requirer first, as Juju's relation keys are. */
export function relationKey(relation: { readonly endpoints: readonly EndpointRow[] }): string {
  const order = { requires: 0, provides: 1, peer: 2 };
  return relation.endpoints
    .toSorted((a, b) => order[a.role] - order[b.role])
    .map((endpoint) => `${endpoint.application}:${endpoint.name}`)
    .join(" ");
}

export function relationsOf(data: ModelData, application: string): RelationRow[] {
  return Object.values(data.relations)
    .filter((relation) => involves(relation, application))
    .toSorted((a, b) => a.id - b.id);
}

/** Units that a unit sees in the relation now, sorted as strings. */
export function visibleRemoteUnits(relation: RelationRow, unit: UnitRow): string[] {
  const remote = remoteApplication(relation, unit.application);
  return Object.entries(relation.units)
    .filter(([name, scope]) => scope.visible && name !== unit.name && name.startsWith(`${remote}/`))
    .map(([name]) => name)
    .toSorted(asBytes);
}

/** Applications whose bag a unit is told of: its own in a peer relation, else the other one. */
export function watchedApplications(relation: RelationRow, unit: UnitRow): string[] {
  return [remoteApplication(relation, unit.application)];
}

export function enterScope(core: Core, relation: RelationRow, unit: UnitRow): void {
  relation.units[unit.name] = { visible: true, entered: true, version: 1, values: addressBag(core.data, unit) };
  unit.agent.relations[relation.id] = {
    created: false,
    members: {},
    apps: {},
    changedPending: null,
    broken: false,
    beforeRestart: false,
    cache: {},
  };
  core.changed();
}

/** What every unit bag holds from the moment the unit enters. */
function addressBag(data: ModelData, unit: UnitRow): Record<string, string> {
  const { address } = machineOf(data, unit);
  if (address === "") return {};
  const legacy = jujuOf(data).privateAddress ? { "private-address": address } : {};
  return { "egress-subnets": `${address}/32`, "ingress-address": address, ...legacy };
}

/** After `config-changed` Juju brings the addresses in this unit's bags up to date. */
export function refreshAddresses(core: Core, unit: UnitRow): void {
  for (const relation of relationsOf(core.data, unit.application)) {
    const scope = relation.units[unit.name];
    if (scope?.entered === true) writeBag(core, scope, addressBag(core.data, unit));
  }
}

/** Applies changes ("" deletes). A write that alters nothing makes no version, hence no event. */
export function writeBag(core: Core, bag: VersionedBag, delta: Readonly<Record<string, string>>): void {
  let altered = false;
  for (const [key, value] of Object.entries(delta)) {
    if ((bag.values[key] ?? "") === value) continue;
    if (value === "") delete bag.values[key];
    else bag.values[key] = value;
    altered = true;
  }
  if (!altered) return;
  bag.version += 1;
  core.changed();
}

export function applicationBag(relation: RelationRow, application: string): VersionedBag {
  return existing(relation.apps, application);
}

/** A dying unit is no longer seen, its hooks still to come. */
export function hideUnit(core: Core, unit: UnitRow): void {
  for (const relation of relationsOf(core.data, unit.application)) {
    const scope = relation.units[unit.name];
    if (scope !== undefined) scope.visible = false;
  }
  core.changed();
}

/** The unit is through with the relation; a dying relation nobody counts in any more goes. */
export function leaveScope(core: Core, relation: RelationRow, unit: string): void {
  const scope = relation.units[unit];
  if (scope === undefined || !scope.entered) return;
  scope.visible = false;
  scope.entered = false;
  core.changed();
  removeIfLeft(core, relation);
}

export function relationDies(core: Core, relation: RelationRow): void {
  if (relation.life === "dying") return;
  relation.life = "dying";
  core.changed();
  removeIfLeft(core, relation);
}

function removeIfLeft(core: Core, relation: RelationRow): void {
  if (relation.life === "alive" || Object.values(relation.units).some((scope) => scope.entered)) return;
  removeRelationRow(core, relation);
}

/** Grants that were given through the relation end with it. */
export function removeRelationRow(core: Core, relation: RelationRow): void {
  delete core.data.relations[relation.id];
  for (const unit of Object.values(core.data.units)) delete unit.agent.relations[relation.id];
  for (const secret of Object.values(core.data.secrets)) {
    secret.grants = secret.grants.filter((grant) => grant.relation !== relation.id);
  }
  core.changed();
}
