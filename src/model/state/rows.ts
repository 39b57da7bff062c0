/** Finding rows, with Juju's message where the name came from a person. */
import { UserError } from "../../errors.ts";
import type { ApplicationRow, CharmRow, Core, MachineRow, ModelData, UnitRow } from "./data.ts";
import { isApplicationName, isUnitName, naturally } from "./names.ts";
import type { StatusValue } from "./types.ts";

export function applicationNamed(data: ModelData, name: string): ApplicationRow {
  if (!isApplicationName(name)) throw new UserError(`invalid application name "${name}"`);
  const row = data.applications[name];
  if (row === undefined) throw new UserError(`application "${name}" not found`);
  return row;
}

export function unitNamed(data: ModelData, name: string): UnitRow {
  if (!isUnitName(name)) throw new UserError(`invalid unit name "${name}"`);
  const row = data.units[name];
  if (row === undefined) throw new UserError(`unit "${name}" not found`);
  return row;
}

/** For names that come from the state itself. */
export function existing<T>(table: Record<string, T>, key: string | number): T {
  const row = table[key];
  if (row === undefined) throw new Error(`state has no row "${key}"`);
  return row;
}

export function unitsOf(data: ModelData, application: string): UnitRow[] {
  return Object.values(data.units)
    .filter((unit) => unit.application === application)
    .toSorted((a, b) => naturally(a.name, b.name));
}

export function charmOf(data: ModelData, application: ApplicationRow): CharmRow {
  return existing(data.charms, application.charm);
}

/** An application that the model plays itself has no charm to run. */
export function isPlayed(data: ModelData, application: string): boolean {
  return charmOf(data, existing(data.applications, application)).info.channel !== null;
}

export function machineOf(data: ModelData, unit: UnitRow): MachineRow {
  return existing(data.machines, unit.machine);
}

export function isLeader(data: ModelData, unit: UnitRow): boolean {
  return data.applications[unit.application]?.lease?.holder === unit.name;
}

export function status(current: string, message: string, since: number): StatusValue {
  return { current, message, since };
}

export function setWorkload(core: Core, unit: UnitRow, current: string, message: string, now: number): void {
  const old = unit.workload;
  if (old.current === current && old.message === message) return;
  unit.workload = status(current, message, now);
  core.changed();
}

export function setAgentStatus(core: Core, unit: UnitRow, current: string, message: string, now: number): void {
  const old = unit.agentStatus;
  if (old.current === current && old.message === message) return;
  unit.agentStatus = status(current, message, now);
  core.changed();
}
