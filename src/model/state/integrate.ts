/** Making and ending relations. Juju 3.6: state/state.go InferEndpoints, AddRelation; state/relation.go. */
import { UserError } from "../../errors.ts";
import type { Core, EndpointRow, ModelData, RelationRow } from "./data.ts";
import { asBytes } from "./names.ts";
import { applicationNamed, charmOf } from "./rows.ts";
import { isPeer, relationKey, relationsOf } from "./scopes.ts";
import { endRelation } from "./units.ts";

interface Side extends EndpointRow {
  readonly interface: string;
  readonly limit: number;
}

/** Every peer endpoint has its relation from the moment the charm is there. */
export function addPeerRelations(core: Core, application: string): void {
  const have = relationsOf(core.data, application)
    .filter(isPeer)
    .map((relation) => relation.endpoints[0]?.name);
  for (const side of sidesOf(core.data, application)) {
    if (side.role === "peer" && !have.includes(side.name)) addRelation(core, [side]);
  }
}

export function integrate(core: Core, a: string, b: string): number {
  const pairs = candidates(core.data, a, b);
  const [pair] = pairs;
  if (pair === undefined) throw new UserError("no relations found");
  if (pairs.length > 1) {
    const choices = pairs
      .map((sides) => `"${keyOf(sides)}"`)
      .toSorted(asBytes)
      .join("; ");
    throw new UserError(`ambiguous relation: "${a} ${b}" could refer to ${choices}`);
  }
  const key = keyOf(pair);
  if (findByKey(core.data, key) !== undefined) {
    throw new UserError(
      `cannot add relation "${key}": relation ${key} already exists`,
      "Use 'juju status --relations' to view the current relations.",
    );
  }
  refuseBeyondLimit(core.data, pair);
  return addRelation(core, pair);
}

function addRelation(core: Core, sides: readonly Side[]): number {
  const id = core.data.sequences.relation++;
  core.data.relations[id] = {
    id,
    life: "alive",
    interface: sides[0]?.interface ?? "",
    endpoints: sides.map(({ application, name, role }) => ({ application, name, role })),
    units: {},
    apps: Object.fromEntries(sides.map((side) => [side.application, { values: {}, version: 0 }])),
  };
  core.changed();
  return id;
}

function sidesOf(data: ModelData, reference: string): Side[] {
  const [application = "", endpoint] = reference.split(":");
  const row = applicationNamed(data, application);
  if (row.life === "dying") throw new UserError(`application "${application}" is not alive`);
  const all = Object.entries(charmOf(data, row).info.endpoints).map(([name, info]) => ({ application, name, ...info }));
  if (endpoint === undefined) return all;
  const named = all.filter((side) => side.name === endpoint);
  if (named.length === 0) throw new UserError(`application "${application}" has no "${endpoint}" relation`);
  return named;
}

/** Pairs that fit, provider first. */
function candidates(data: ModelData, a: string, b: string): Side[][] {
  const left = sidesOf(data, a);
  const right = sidesOf(data, b);
  const pairs: Side[][] = [];
  for (const one of left) {
    for (const other of right) {
      if (one.interface !== other.interface || one.application === other.application) continue;
      if (one.role === "provides" && other.role === "requires") pairs.push([one, other]);
      if (one.role === "requires" && other.role === "provides") pairs.push([other, one]);
    }
  }
  return pairs;
}

function keyOf(sides: readonly EndpointRow[]): string {
  return relationKey({ endpoints: sides });
}

function findByKey(data: ModelData, key: string): RelationRow | undefined {
  return Object.values(data.relations).find((relation) => relationKey(relation) === key);
}

function refuseBeyondLimit(data: ModelData, sides: readonly Side[]): void {
  for (const side of sides) {
    const used = relationsOf(data, side.application).filter((relation) =>
      relation.endpoints.some((end) => end.application === side.application && end.name === side.name),
    );
    if (side.limit > 0 && used.length >= side.limit) {
      throw new UserError(
        `establishing a new relation for ${side.application}:${side.name} would exceed its maximum relation limit of ${side.limit}`,
      );
    }
  }
}

/** `wait`: milliseconds until force; null = none. */
export function removeRelation(core: Core, a: string, b: string, wait: number | null, now: number): void {
  const matches = matching(core.data, a, b);
  const [relation] = matches;
  if (relation === undefined) throw new UserError(`relation matching "${a} ${b}" not found`);
  if (matches.length > 1) {
    const keys = matches.map((match) => `"${relationKey(match)}"`).join("; ");
    throw new UserError(`ambiguous relation: "${a} ${b}" could refer to ${keys}`);
  }
  endRelation(core, relation, wait, now);
}

function matching(data: ModelData, a: string, b: string): RelationRow[] {
  const [left = "", leftEndpoint] = a.split(":");
  const [right = "", rightEndpoint] = b.split(":");
  applicationNamed(data, left);
  applicationNamed(data, right);
  const fits = (end: EndpointRow, application: string, name: string | undefined) =>
    end.application === application && (name === undefined || end.name === name);
  return Object.values(data.relations).filter(
    ({ endpoints: [one, other] }) =>
      one !== undefined &&
      other !== undefined &&
      ((fits(one, left, leftEndpoint) && fits(other, right, rightEndpoint)) ||
        (fits(one, right, rightEndpoint) && fits(other, left, leftEndpoint))),
  );
}
