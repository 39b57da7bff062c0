/** Which directories of the host a machine sees: those of its units' applications, and the files of their resources. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import type { Disk } from "../../machines/machine.ts";
import { unitPaths, unitTag } from "./agent-files.ts";
import type { LiveModel } from "./live-model.ts";

function applicationOf(unit: string): string {
  return unit.split("/")[0] ?? "";
}

export function unitsOn({ state }: LiveModel, machine: string): string[] {
  const units = Object.values(state.data.units).filter((unit) => unit.machine === machine);
  return units.map(({ name }) => name);
}

/** Disks of one unit; resources have one of their own, so that a new file is seen at once. */
export function unitDisks({ state, record, paths }: LiveModel, unit: string): Disk[] {
  const application = applicationOf(unit);
  const disks = record.disks[application] ?? [];
  const charm = state.data.charms[state.data.applications[application]?.charm ?? ""]?.info;
  if (Object.keys(charm?.resources ?? {}).length === 0) return disks;
  const source = join(paths.resources, application);
  mkdirSync(source, { recursive: true, mode: 0o700 });
  return [...disks, { name: resourcesDisk(unit), source, path: unitPaths(unit).resources, readOnly: true }];
}

/** Names of disks that a unit may have had, also when its application is gone. */
export function disksLeft({ record }: LiveModel, unit: string): string[] {
  return [...(record.disks[applicationOf(unit)] ?? []).map(({ name }) => name), resourcesDisk(unit)];
}

function resourcesDisk(unit: string): string {
  return `resources-${unitTag(unit)}`;
}

/** Disks of all units of a machine, each once. */
export function machineDisks(model: LiveModel, machine: string): Disk[] {
  const disks = unitsOn(model, machine).flatMap((unit) => unitDisks(model, unit));
  return [...new Map(disks.map((disk) => [disk.name, disk])).values()];
}

/** Disks that a machine has for units of other applications, by name. */
export function disksOfOthers(model: LiveModel, machine: string, application: string): Map<string, Disk> {
  const others = unitsOn(model, machine).filter((unit) => applicationOf(unit) !== application);
  return new Map(others.flatMap((unit) => unitDisks(model, unit)).map((disk) => [disk.name, disk]));
}

/**
 * @throws UserError if a disk for `application` would take the name or the place of another one on one of the machines.
 */
export function requireFreePlace(
  model: LiveModel,
  machines: readonly string[],
  application: string,
  disks: readonly Disk[],
): void {
  for (const machine of machines) {
    for (const there of disksOfOthers(model, machine, application).values()) {
      const clash = disks.find((disk) => (disk.name === there.name || disk.path === there.path) && !same(disk, there));
      if (clash === undefined) continue;
      const cause = `machine ${machine} has disk "${there.name}" of another application at ${there.path} already`;
      throw new UserError(cause, `Name another disk and path than ${clash.name}=…:${clash.path}, or another machine`);
    }
  }
}

function same(a: Disk, b: Disk): boolean {
  return a.name === b.name && a.source === b.source && a.path === b.path && a.readOnly === b.readOnly;
}
