/** What units use of a store: it has to be there, and leased. */
import { isLease, RELEASES, WORKERS } from "../../src/store/layout.ts";
import type { Disk } from "../disk/disk.ts";
import type { SimUnit } from "../world/unit.ts";
import { entriesOf } from "./tree.ts";

/**
 * The rule that a unit breaks by what it uses of a disk, and how; null if it breaks none, or has another disk.
 *
 * @param tampered releases of somebody's hand, which come and go as they like
 */
export function wrongUse(
  unit: SimUnit,
  disk: Disk,
  tampered: ReadonlySet<string>,
): readonly [rule: string, message: string] | null {
  if (unit.juju.dead || !unit.up || unit.mounted() !== disk) return null;
  const there = entriesOf(disk.root, RELEASES);
  for (const release of usedBy(unit)) {
    if (tampered.has(release)) continue;
    const message = `${unit.name} runs ${release}`;
    if (there.get(release)?.kind !== "directory")
      return ["readers see old or new, never none", `${message}, which is gone`];
    if (!hasLease(disk, unit)) return ["nothing leased or in use is removed", `${message}, without a lease`];
  }
  return null;
}

/** Releases that a unit's processes run from, and the one its link leads to as long as something is started from there. */
function usedBy({ memory: { current, stopped }, services }: SimUnit): Set<string> {
  const used = new Set(services.running());
  if (current !== null && !stopped) used.add(current);
  return used;
}

/**
 * A unit that leaves gives up its lease last of all. One that stays may for a moment use what its lease does not name yet:
 * an agent that was paused as it wrote has newer orders. Nobody finds a lease as long as a link is planted in their place.
 */
function hasLease(disk: Disk, { memory, readOnly, world, member }: SimUnit): boolean {
  if (!memory.stopped || readOnly || world.situations.has("store remounted read-only")) return true;
  if (world.checks.linksPlanted) return true;
  const directory = entriesOf(disk.root, WORKERS).get(member);
  return directory?.kind === "directory" && [...directory.entries.keys()].some(isLease);
}
