/** Units come and go. Juju 3.6: state/application.go, state/unit.go, state/cleanup.go. */
import { UserError } from "../../errors.ts";
import type { AgentRow } from "./agent-data.ts";
import type { ApplicationRow, Core, ModelData, RelationRow, StorageRow, UnitRow } from "./data.ts";
import { jujuOf } from "./juju-line.ts";
import { addMachine, retireMachine } from "./machines.ts";
import { isApplicationName } from "./names.ts";
import { applicationNamed, charmOf, status, unitsOf } from "./rows.ts";
import { hideUnit, isPeer, leaveScope, relationDies, relationsOf, removeRelationRow } from "./scopes.ts";
import type { CharmStorage } from "./types.ts";

/** On the machine `to`, else on one of its own. */
export function addUnit(core: Core, application: ApplicationRow, to: string | undefined, now: number): string {
  const { unit: numbers } = core.data.sequences;
  const number = numbers[application.name] ?? 0;
  numbers[application.name] = number + 1;
  if (jujuOf(core.data).emptyVersions) application.version = "";
  const name = `${application.name}/${number}`;
  const machine = to ?? addMachine(core, application.base, now);
  const there = core.data.machines[machine]?.agent.current === "started";
  core.data.units[name] = {
    name,
    application: application.name,
    life: "alive",
    machine,
    workload: status("waiting", there ? "installing agent" : "waiting for machine", now),
    agentStatus: status("allocating", "", now),
    statusSet: false,
    resolved: "none",
    ports: [],
    storage: initialStorage(core, application),
    state: {},
    agent: newAgent(),
  };
  core.changed();
  return name;
}

function newAgent(): AgentRow {
  return {
    connected: false,
    everStarted: false,
    installed: false,
    started: false,
    stopped: false,
    removed: false,
    leader: false,
    rebooted: false,
    charm: null,
    deployRetry: null,
    configHash: "",
    addressHash: "",
    leaderSettingsSeen: 0,
    current: null,
    retry: null,
    updateStatus: null,
    relations: {},
    secretsNotified: {},
    secretsRemoved: {},
  };
}

function initialStorage(core: Core, application: ApplicationRow): StorageRow[] {
  const declared = Object.entries(charmOf(core.data, application).info.storage);
  return declared.flatMap(([name, storage]) =>
    Array.from({ length: storage.minimum }, () => newStorage(core, name, storage)),
  );
}

/** Mount point as Juju chooses it (Juju 3.6, state/filesystem.go FilesystemMountPoint). */
export function newStorage(core: Core, name: string, { type, location, maximum }: CharmStorage): StorageRow {
  const number = core.data.sequences.storage++;
  const id = `${name}/${number}`;
  const place = location === "" ? `/var/lib/juju/storage/${id}` : maximum === 1 ? location : `${location}/${id}`;
  return { id, name, kind: type, location: place, attached: false };
}

/** What is removed, as Juju prints it; throws for a unit that is not there. */
export function unitsToRemove(data: ModelData, names: readonly string[]): string[] {
  return unitsNamed(data, names).flatMap((unit) => [`will remove unit ${unit.name}`, ...storageLines(unit)]);
}

/** The same of an application. */
export function applicationToRemove(data: ModelData, name: string): string[] {
  if (isApplicationName(name) && data.applications[name] === undefined)
    throw new UserError(`removing application ${name} failed: application "${name}" not found`);
  const units = unitsOf(data, applicationNamed(data, name).name);
  const lines = units.flatMap((unit) => [`- will remove unit ${unit.name}`, ...storageLines(unit)]);
  return [`will remove application ${name}`, ...lines];
}

/** A unit whose agent never ran goes at once, without a hook. `wait`: milliseconds until force; null = none. */
export function removeUnits(core: Core, names: readonly string[], wait: number | null, now: number): void {
  for (const unit of unitsNamed(core.data, names)) unitDies(core, unit, wait, now);
}

function unitsNamed(data: ModelData, names: readonly string[]): UnitRow[] {
  return names.map((name) => {
    const unit = data.units[name];
    if (unit === undefined) throw new UserError(`removing unit ${name} failed: unit "${name}" does not exist`);
    return unit;
  });
}

function storageLines(unit: UnitRow): string[] {
  return unit.storage.map((storage) => `- will remove storage ${storage.id}`);
}

export function removeApplication(core: Core, name: string, wait: number | null, now: number): void {
  const application = applicationNamed(core.data, name);
  application.life = "dying";
  for (const relation of relationsOf(core.data, name)) if (!isPeer(relation)) endRelation(core, relation, wait, now);
  for (const unit of unitsOf(core.data, name)) unitDies(core, unit, wait, now);
  core.changed();
}

/** `wait`: milliseconds until its units leave it by force; null = only by themselves. */
export function endRelation(core: Core, relation: RelationRow, wait: number | null, now: number): void {
  if (wait !== null) force(core, relation, wait, now);
  relationDies(core, relation);
}

/** Milliseconds that Juju waits for each step unless told `--no-wait` (3.6, apiserver/common: MaxWait). */
export const FORCE_WAIT = 60_000;

/** Notes when the row ends by force (see force.ts); a second time may only hasten the first. `wait`: milliseconds. */
function force(core: Core, row: UnitRow | RelationRow, wait: number, now: number): void {
  const at = Math.min(row.forced?.at ?? Infinity, now + wait);
  row.forced = { at, wait, dead: row.forced?.dead ?? false };
  core.changed();
}

/** Others see it depart at once, while its own hooks are still to come. */
function unitDies(core: Core, unit: UnitRow, wait: number | null, now: number): void {
  if (wait !== null) force(core, unit, wait, now);
  if (unit.life === "dying") return;
  unit.life = "dying";
  hideUnit(core, unit);
  if (unit.agentStatus.current === "allocating" && !unit.agent.connected) unitDead(core, unit, now);
}

/** The end: scopes are left, whatever it owned goes, its machine too. */
export function unitDead(core: Core, unit: UnitRow, now: number): void {
  for (const relation of relationsOf(core.data, unit.application)) leaveScope(core, relation, unit.name);
  for (const secret of Object.values(core.data.secrets)) {
    delete secret.consumers[unit.name];
    secret.grants = secret.grants.filter((grant) => grant.name !== unit.name);
    if (secret.owner.name === unit.name) delete core.data.secrets[secret.id];
  }
  for (const task of Object.values(core.data.tasks)) {
    if (task.unit !== unit.name || task.completed !== null) continue;
    task.status = "cancelled";
    task.message = "unit removed";
    task.completed = now;
  }
  delete core.data.units[unit.name];
  core.changed();
  retireMachine(core, unit.machine, now);
}

/** A dying application goes when its units and its relations with others are gone. */
export function sweepApplications(core: Core): void {
  for (const application of Object.values(core.data.applications)) {
    if (application.life === "alive" || unitsOf(core.data, application.name).length > 0) continue;
    const relations = relationsOf(core.data, application.name);
    if (relations.some((relation) => !isPeer(relation))) continue;
    for (const relation of relations) removeRelationRow(core, relation);
    for (const secret of Object.values(core.data.secrets)) {
      secret.grants = secret.grants.filter((grant) => grant.name !== application.name);
      if (secret.owner.name === application.name) delete core.data.secrets[secret.id];
    }
    delete core.data.applications[application.name];
    core.changed();
  }
}
