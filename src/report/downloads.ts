/** What the release mirror sent. */

import type { Evidence, LockSighting } from "./evidence.ts";
import type { Served, ServedRequest } from "./engine.ts";

/** Answers that carried bytes of the archive. */
export function archiveRequests({ archive, requests }: Served): ServedRequest[] {
  return requests.filter(({ method, path, bytes }) => method === "GET" && path.endsWith(`/${archive}`) && bytes > 0);
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

export function bytesOf(requests: readonly ServedRequest[]): number {
  return sum(requests.map(({ bytes }) => bytes));
}

/** Pairs of answers that were under way at the same time. */
export function overlaps(requests: readonly ServedRequest[]): number {
  const order = requests.toSorted((a, b) => a.start - b.start);
  let latest = Number.NEGATIVE_INFINITY;
  let count = 0;
  for (const { start, end } of order) {
    if (start < latest) count += 1;
    latest = Math.max(latest, end);
  }
  return count;
}

/** Archive bytes sent in answers that ended after the release had been published. */
export function bytesAfter(served: Served, moment: number): number {
  return bytesOf(archiveRequests(served).filter(({ end }) => end > moment));
}

/** Sightings of the lock while no release was there yet. */
export function sightingsWhileFetching({ lockSightings }: Evidence): LockSighting[] {
  return lockSightings.filter(({ releases }) => releases.length === 0);
}
