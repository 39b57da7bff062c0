/** What must be on a unit's own disk when its machine comes back. */
import { readReport } from "../../src/relations/peers.ts";
import { peersOf } from "../juju/model.ts";
import type { SimUnit } from "../world/unit.ts";
import type { Leased } from "./leases.ts";

/** The rule that a unit breaks by what its machine forgot, and how; null if it breaks none. */
export function forgotten(unit: SimUnit, leases: readonly Leased[]): readonly [rule: string, message: string] | null {
  const { name, memory, member, juju } = unit;
  const told = readReport(peersOf(juju.application).unitBags.get(name)?.value ?? {});
  const generation = memory.followed?.generation ?? 0;
  if (told === null || memory.stopped) return null;
  if (generation < told.generation)
    return ["no unit's generation falls", `${name} remembers ${generation} and has told ${told.generation}`];
  if (memory.current === null && told.running !== null)
    return ["readers see old or new, never none", `${name} has told that it runs ${told.running}, and has no link`];
  const leased = leases.some((lease) => lease.member === member && lease.releases.includes(memory.current ?? ""));
  // The lease of a unit that cannot write follows its words.
  if (memory.current === null || leased || told.lease !== null) return null;
  return ["a lease comes before the link", `${name} comes back with a link to ${memory.current}`];
}
