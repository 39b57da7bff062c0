import type { Damage, Target } from "../agent/contract.ts";
import type { Cluster, UnitReport } from "../relations/peers.ts";
import type { WorkerWord } from "../relations/tsa.ts";
import { clusterOf, isCopyOf, type Facts } from "./facts.ts";
import { webBrings } from "./follow.ts";

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

/**
 * How many of these may be named by workers of other applications, who see the store from machines of their own. Builds of
 * strangers may speak there: the rest is left for what our own units see.
 */
const MOST_FROM_WORKERS = 2;

/**
 * What all units together know of the release that is to be committed. What workers of other applications say brings a new
 * copy, and restarts nobody: whether our own programs are damaged our own units tell.
 *
 * @param reports of the application's own units
 */
export function chooseDamaged(
  { tsa }: Facts,
  reports: readonly (UnitReport | null)[],
  now: Cluster,
  target: Target | null,
): readonly Damage[] {
  const known = new Map<string, boolean>();
  const take = (found: readonly Damage[], most: number): void => {
    for (const { release, programs } of found) {
      if (target === null || !isCopyOf(release, target)) continue;
      if (known.has(release) || known.size < most) known.set(release, programs || known.get(release) === true);
    }
  };
  const fromWorkers = tsa.flatMap(({ workers }) => workers.flatMap(({ word }) => word?.damaged ?? []));
  take(now.damaged, MOST_DAMAGED);
  take(
    reports.flatMap((report) => report?.damaged ?? []),
    MOST_DAMAGED,
  );
  take(
    fromWorkers.map(({ release }) => ({ release, programs: false })),
    MOST_FROM_WORKERS,
  );
  return [...known]
    .map(([release, programs]) => ({ release, programs }))
    .toSorted((a, b) => (a.release < b.release ? -1 : 1));
}

/** What a worker tells the web application, whose units bring another copy to the store that both have. */
export function damageForWeb(facts: Facts): Pick<WorkerWord, "damaged"> {
  const cluster = clusterOf(facts);
  const found = facts.local.agent?.damaged ?? [];
  const theirs =
    found.length > 0 && cluster !== null && webBrings(facts, cluster.store, cluster.release?.version ?? null);
  return theirs ? { damaged: found.slice(0, MOST_DAMAGED) } : {};
}

/** There is damage that the leader has not taken up: too many copies were damaged before. */
export function isBeyondRepair(facts: Facts): boolean {
  const known = damageKnown(facts);
  const found = facts.local.agent?.damaged ?? [];
  return known.length >= MOST_DAMAGED && found.some(({ release }) => known.every((copy) => copy.release !== release));
}
