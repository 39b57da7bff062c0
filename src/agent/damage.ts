/** What is known to be damaged of a release. Pure. */
import { isCopyOf } from "../store/layout.ts";
import type { Flaw } from "../store/inspect.ts";
import type { Damage, Target } from "./contract.ts";

/** Adds what was found in a copy to what is known; what is known of other releases is forgotten. */
export function withDamage(
  known: readonly Damage[],
  target: Target,
  found: { readonly release: string; readonly flaw: Flaw } | null,
): readonly Damage[] {
  const kept = known.filter(({ release }) => isCopyOf(release, target));
  if (found === null) return kept;
  const before = kept.find(({ release }) => release === found.release);
  const programs = before?.programs === true || found.flaw.path.startsWith("bin/");
  const others = kept.filter((damage) => damage !== before);
  return [...others, { release: found.release, programs }].toSorted((a, b) => (a.release < b.release ? -1 : 1));
}
