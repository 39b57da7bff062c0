import type { Damage, Target } from "../agent/contract.ts";
import type { Cluster, UnitReport } from "../relations/peers.ts";
import { clusterOf, isCopyOf, type Facts } from "./facts.ts";

/** What a damaged copy of the release means for units that have it before their eyes, or run from it. */

/** After so many of them another copy would only meet the same fate. */
export const MOST_DAMAGED = 4;

/** What the unit goes by: on a shared store what the leader has committed, on its own what its agent has found. */
export function damageKnown(facts: Facts): readonly Damage[] {
  return facts.options.sharedStorage === "none"
    ? (facts.local.agent?.damaged ?? []).slice(0, MOST_DAMAGED)
    : (clusterOf(facts)?.damaged ?? []);
}

/** Copies that are not used any more, once there is somebody to bring another one. */
export function damagedCopies(facts: Facts): string[] {
  const brought = facts.options.sharedStorage === "none" || clusterOf(facts)?.fetcher !== null;
  return brought ? damageKnown(facts).map(({ release }) => release) : [];
}

/** It is a copy of the target, and its programs are good: then what runs from it can stay. */
export function isGoodCopy(running: string | null, target: Target, damaged: readonly Damage[]): boolean {
  return isCopyOf(running, target) && !damaged.some(({ release, programs }) => programs && release === running);
}

/** What all units together know of the release that is to be committed. */
export function chooseDamaged(
  reports: readonly (UnitReport | null)[],
  now: Cluster,
  target: Target | null,
): readonly Damage[] {
  const known = new Map<string, boolean>();
  for (const { release, programs } of [...now.damaged, ...reports.flatMap((report) => report?.damaged ?? [])]) {
    if (target === null || !isCopyOf(release, target)) continue;
    if (known.has(release) || known.size < MOST_DAMAGED) known.set(release, programs || known.get(release) === true);
  }
  return [...known]
    .map(([release, programs]) => ({ release, programs }))
    .toSorted((a, b) => (a.release < b.release ? -1 : 1));
}

/** There is damage that the leader has not taken up: too many copies were damaged before. */
export function isBeyondRepair(facts: Facts): boolean {
  const known = damageKnown(facts);
  const found = facts.local.agent?.damaged ?? [];
  return known.length >= MOST_DAMAGED && found.some(({ release }) => known.every((copy) => copy.release !== release));
}
