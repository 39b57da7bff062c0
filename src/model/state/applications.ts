/** Applications come and change. Juju 3.6: state/application.go, apiserver/facades/client/application. */
import { UserError } from "../../errors.ts";
import { chooseBase } from "./bases.ts";
import type { ApplicationRow, CharmRow, Core } from "./data.ts";
import { addPeerRelations } from "./integrate.ts";
import { isApplicationName } from "./names.ts";
import { applicationNamed, charmOf, isPlayed } from "./rows.ts";
import { relationsOf } from "./scopes.ts";
import { parseSettings } from "./settings.ts";
import type { CharmInfo, DeployOptions, DeployResult } from "./types.ts";
import { addUnit } from "./units.ts";

export function deploy(core: Core, options: DeployOptions): DeployResult {
  const { charm, now } = options;
  const name = options.name ?? charm.name;
  refuseName(core, name);
  refuseCharm(charm);
  const settings = parseSettings(charm.options, options.config);
  for (const resource of Object.keys(options.resources)) requireResource(charm, resource);
  const base = chooseBase(core.data, charm, options.base);
  requireMachines(core, options.to, charm.channel !== null);

  const row = addCharm(core, charm);
  const resources = Object.entries(options.resources).map(([key, path]) => [key, { path, revision: 0 }] as const);
  core.data.applications[name] = {
    name,
    life: "alive",
    charm: row.url,
    charmModified: 0,
    forceCharm: false,
    base,
    exposed: false,
    settings,
    resources: Object.fromEntries(resources),
    leaderSettings: {},
    leaderSettingsVersion: 1,
    lease: null,
    version: "",
    status: null,
  };
  addPeerRelations(core, name);
  const units = addUnits(core, name, options.units, options.to, now);
  return { application: name, units, messages: deployMessages(name, row, base) };
}

function refuseName(core: Core, name: string): void {
  if (!isApplicationName(name)) throw new UserError(`invalid application name "${name}"`);
  if (core.data.applications[name] === undefined) return;
  throw new UserError(
    `cannot add application "${name}": application already exists`,
    "Deploy it under another name as the last argument, or use remove-application to remove the existing one and try again.",
  );
}

/** What parses but cannot be deployed (state/storage.go). Block devices are more than the local model has. */
function refuseCharm(charm: CharmInfo): void {
  for (const [name, storage] of Object.entries(charm.storage)) {
    if (storage.type === "block")
      throw new UserError(`charm "${charm.name}" store "${name}": block storage not supported`);
  }
}

function deployMessages(name: string, { info, revision }: CharmRow, base: string): string[] {
  const on = `on ${base}/stable`;
  if (info.channel !== null) {
    const what = `charm-hub charm "${info.name}", revision ${revision} in channel ${info.channel}`;
    return [`Deployed "${name}" from ${what} ${on}`];
  }
  const what = `local charm "${info.name}", revision ${revision}`;
  return [`Located ${what}`, `Deploying "${name}" from ${what} ${on}`];
}

/** The controller numbers local charms per name: 0, 1, 2 … */
function addCharm(core: Core, info: CharmInfo): CharmRow {
  const revision = core.data.sequences.charm[info.name] ?? 0;
  core.data.sequences.charm[info.name] = revision + 1;
  const url = `${info.channel === null ? "local" : "ch"}:${info.name}-${revision}`;
  const row = { url, revision, info: structuredClone(info) };
  core.data.charms[url] = row;
  core.changed();
  return row;
}

export function addUnits(
  core: Core,
  application: string,
  count: number,
  to: readonly string[] | undefined,
  now: number,
): string[] {
  const row = applicationNamed(core.data, application);
  if (row.life === "dying") {
    throw new UserError(`cannot add unit to application "${application}": application is not alive`);
  }
  if (!Number.isInteger(count) || count < 0) throw new UserError(`cannot add ${count} units`);
  requireMachines(core, to, isPlayed(core.data, application));
  return Array.from({ length: count }, (_, index) => addUnit(core, row, to?.[index], now));
}

/** `played`: whether the model plays the application itself; its units have no machine in which a charm could run. */
function requireMachines(core: Core, ids: readonly string[] = [], played: boolean): void {
  for (const id of ids) {
    const cannot = `cannot add unit to machine ${id}`;
    if (core.data.machines[id]?.life !== "alive") throw new UserError(`${cannot}: machine ${id} not found`);
    const others = Object.values(core.data.units).filter(({ machine }) => machine === id);
    const odd = others.find(({ application }) => isPlayed(core.data, application) !== played);
    if (odd === undefined) continue;
    const [playing, run] = played ? ["the new unit", odd.name] : [odd.name, "the new unit"];
    throw new UserError(
      `${cannot}: the local model plays ${playing} itself, which has no machine to share with ${run}`,
      "Leave --to out",
    );
  }
}

export function setExposed(core: Core, application: string, exposed: boolean): void {
  const row = applicationNamed(core.data, application);
  if (row.exposed === exposed) return;
  row.exposed = exposed;
  core.changed();
}

/** Counts as a change of the charm: every unit runs `upgrade-charm`. */
export function attachResource(core: Core, application: string, resource: string, path: string): void {
  const row = applicationNamed(core.data, application);
  requireResource(charmOf(core.data, row).info, resource);
  row.resources[resource] = { path, revision: (row.resources[resource]?.revision ?? -1) + 1 };
  row.charmModified += 1;
  core.changed();
}

function requireResource(charm: CharmInfo, resource: string): void {
  if (charm.resources[resource] === undefined) throw new UserError(`unrecognized resource "${resource}"`);
}

export function refresh(core: Core, application: string, charm: CharmInfo, forceUnits: boolean): string[] {
  const row = applicationNamed(core.data, application);
  const old = charmOf(core.data, row).info;
  if (charm.name !== old.name) throw new UserError(`cannot upgrade "${old.name}" to "${charm.name}"`);
  if (charm.channel !== old.channel) throw new UserError(`cannot upgrade "${application}": it is played by the model`);
  refuseCharm(charm);
  refuseBrokenRelations(core, row, charm);

  const added = addCharm(core, charm);
  row.charm = added.url;
  row.charmModified += 1;
  row.forceCharm = forceUnits;
  row.settings = keptSettings(row, old, charm);
  addPeerRelations(core, application);
  return [`Added local charm "${charm.name}", revision ${added.revision}, to the model`];
}

function refuseBrokenRelations(core: Core, row: ApplicationRow, charm: CharmInfo): void {
  for (const relation of relationsOf(core.data, row.name)) {
    for (const end of relation.endpoints) {
      const now = charm.endpoints[end.name];
      if (end.application !== row.name || (now?.role === end.role && now.interface === relation.interface)) continue;
      throw new UserError(
        `cannot upgrade application "${row.name}" to charm "${charm.name}": would break relation "${row.name}:${end.name}"`,
      );
    }
  }
}

/** Values whose option is gone or has another type are dropped. */
function keptSettings(row: ApplicationRow, old: CharmInfo, charm: CharmInfo): ApplicationRow["settings"] {
  const kept = Object.entries(row.settings).filter(([key]) => charm.options[key]?.type === old.options[key]?.type);
  return Object.fromEntries(kept);
}
