/** What units use of a store: it has to be there, and leased. */
import { ORDERS_FILE, type Orders } from "../../src/agent/contract.ts";
import { isLease, RELEASES, WORKERS } from "../../src/store/layout.ts";
import type { Disk } from "../disk/disk.ts";
import type { SimUnit } from "../world/unit.ts";
import { leaseIn } from "./leases.ts";
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
    if (!isLeasedBy(disk, unit, release)) return ["what is in use is leased", message];
  }
  return null;
}

/** Releases that a unit's processes run from, and the one its link leads to as long as something is started from there. */
function usedBy({ memory: { current, stopped }, services }: SimUnit): Set<string> {
  const used = new Set(services.running());
  if (current !== null && !stopped) used.add(current);
  return used;
}

/** By the unit itself, or by those who write for it. Nobody finds a lease as long as a link is planted in their place. */
function isLeasedBy(disk: Disk, unit: SimUnit, release: string): boolean {
  if (disk.root.entries.get(WORKERS)?.kind === "link") return true;
  // The lease of a unit that cannot write follows its words, and these may have changed twice meanwhile.
  if (unit.readOnly || unit.world.situations.has("store remounted read-only")) return true;
  const directory = entriesOf(disk.root, WORKERS).get(unit.member);
  const leases = directory?.kind === "directory" ? [...directory.entries].filter(([name]) => isLease(name)) : [];
  if (leases.some(([, file]) => file.kind === "file" && leaseIn(file)?.releases.includes(release))) return true;
  // An agent that was paused as it wrote its lease has newer orders by now.
  return leases.length > 0 && !unit.memory.stopped && ordered(unit).includes(release);
}

function ordered({ machine }: SimUnit): readonly string[] {
  const orders = JSON.parse(machine.text(ORDERS_FILE) ?? "null") as Orders | null;
  return orders?.store.lease ?? [];
}
