/** Who fetched the release, and who waited for it. */

import { archiveRequests, bytesAfter, bytesOf, overlaps, sightingsWhileFetching } from "./downloads.ts";
import type { Evidence } from "./evidence.ts";
import { clock } from "./format.ts";
import { downloaders, waiters } from "./story.ts";
import { describeSame, seen, TOLERANCE, unchecked, type Result } from "./verdict.ts";

/** Only a mirror of ours counts what it sends, and sends slowly enough for everybody to be seen at it. */
const UNCOUNTED = "the release does not come from a mirror of ours: its bytes were not counted";

export function singleDownload({ served }: Evidence): Result {
  if (served === null) return unchecked(UNCOUNTED);
  const requests = archiveRequests(served);
  const bytes = bytesOf(requests);
  const together = overlaps(requests);
  const parts = `${requests.length} request${requests.length === 1 ? "" : "s"}, ${together} at the same time`;
  return seen(
    bytes >= served.size && bytes <= served.size * TOLERANCE && together === 0,
    `${bytes} bytes of ${served.archive} served, which has ${served.size} (${(bytes / served.size).toFixed(3)} times its size), in ${parts}`,
  );
}

/** One holder while it was fetched, the same one whenever somebody looked, nobody afterwards, and one lock file for all. */
export function lockCoordination(evidence: Evidence): Result {
  const fetching = sightingsWhileFetching(evidence).filter(({ holders }) => holders.length > 0);
  const [sighting] = fetching;
  const holders = [...new Set(fetching.flatMap((one) => one.holders))];
  const looks = Object.values(evidence.looks);
  const files = new Set(looks.map(({ lock }) => lock));
  const heldNow = Object.keys(evidence.looks).filter((unit) => evidence.looks[unit]?.lockHeld === true);
  const told = downloaders(evidence);
  if (sighting === undefined) {
    const why = "no unit was seen holding the lock before the release was published";
    return evidence.served === null ? unchecked(why) : seen(false, why);
  }
  const alone = holders.length === 1 && fetching.every((one) => one.holders.length === 1);
  const oneFile = files.size === 1 && !files.has("");
  return seen(
    alone && oneFile && heldNow.length === 0 && told.every((unit) => holders.includes(unit)),
    `held by ${holders.join(" and ")} in ${fetching.length} looks from ${clock(sighting.at)} on, ` +
      `by ${heldNow.join(" and ") || "nobody"} at the end; ${describeSame("inode of .install.lock", evidence.looks, ({ lock }) => lock)}`,
  );
}

export function workerWaiting(evidence: Evidence): Result {
  const waiting = waiters(evidence).filter((unit) => !downloaders(evidence).includes(unit));
  const others = evidence.firstUnits - 1;
  const lines = waiting.map((unit) => {
    const change = evidence.workloads[unit]?.find(({ message }) => message.includes("to download"));
    return `${unit} at ${clock(change?.at ?? 0)}: ${change?.message}`;
  });
  const told = lines.join("; ") || "no unit showed that it waits for a download";
  if (waiting.length >= others && others > 0) return seen(true, told);
  return evidence.served === null ? unchecked(`it may have been too short: ${told}`) : seen(false, told);
}

export function scaling({ served, moments, units, firstUnits: first }: Evidence): Result {
  if (served === null) return unchecked(UNCOUNTED);
  if (moments.published === null) return seen(false, "no release was published");
  const bytes = bytesAfter(served, moments.published);
  const names = moments.added.map(({ unit }) => unit);
  return seen(
    bytes === 0 && names.length === units - first,
    `added ${names.join(", ") || "none"}; ${bytes} bytes of the archive served after ${clock(moments.published)}, when it was published`,
  );
}
