/** What units use of a store. */
import { isLease, WORKERS } from "../../src/store/layout.ts";
import type { Disk } from "../disk/disk.ts";
import type { SimUnit } from "../world/unit.ts";
import { leaseIn } from "./leases.ts";
import { entriesOf } from "./tree.ts";

/** Releases that a unit's processes run from, and the one its link leads to as long as something is started from there. */
export function usedBy({ memory: { current, stopped }, services }: SimUnit): Set<string> {
  const used = new Set(services.running());
  if (current !== null && !stopped) used.add(current);
  return used;
}

/** By the unit itself, or by those who write for it. Nobody finds a lease as long as a link is planted in their place. */
export function isLeasedBy(disk: Disk, { member }: SimUnit, release: string): boolean {
  if (disk.root.entries.get(WORKERS)?.kind === "link") return true;
  const leases = entriesOf(disk.root, WORKERS).get(member);
  if (leases?.kind !== "directory") return false;
  return [...leases.entries].some(
    ([name, file]) => isLease(name) && file.kind === "file" && leaseIn(file)?.releases.includes(release) === true,
  );
}
