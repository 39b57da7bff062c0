/** What was measured, and what it is held against. */

import { archiveRequests, bytesOf, sum } from "./downloads.ts";
import type { Change, Evidence } from "./evidence.ts";
import { duration, median, megabytes } from "./format.ts";
import { APPLICATION, unitsOf } from "./names.ts";
import { activeAt, bootedAt, firstHookAt, firstUnits, takeOver, webStart, webUnit } from "./story.ts";
import type { Figure } from "./types.ts";

/** Milliseconds from `is-system-running` to active of a unit that finds the release there. */
const ADDED_LIMIT = 5000;
/** Milliseconds from the publication to the last waiting worker's being active, less the web's own start. */
const TAKE_OVER_LIMIT = 3000;

export function figuresOf(evidence: Evidence): Figure[] {
  return [...download(evidence), ...addedUnits(evidence), ...afterPublication(evidence), ...hooks(evidence)];
}

const fact = (name: string, value: string): Figure => ({ name, value, limit: "", holds: null });

function limited(name: string, milliseconds: number | null, limit: number): Figure {
  const unseen = milliseconds === null || Number.isNaN(milliseconds);
  return {
    name,
    value: unseen ? "not seen" : duration(milliseconds),
    limit: `≤ ${duration(limit)}`,
    holds: unseen ? null : milliseconds <= limit,
  };
}

function download({ served }: Evidence): Figure[] {
  if (served === null) return [];
  const requests = archiveRequests(served);
  const from = Math.min(...requests.map(({ start }) => start));
  const to = Math.max(...requests.map(({ end }) => end));
  const bytes = bytesOf(requests);
  if (requests.length === 0) return [fact("Download", "none")];
  const rate = megabytes((bytes / Math.max(1, to - from)) * 1000);
  return [fact("Download", `${megabytes(bytes)} in ${duration(to - from)}, ${rate}/s`)];
}

function addedUnits(evidence: Evidence): Figure[] {
  const { added } = evidence.moments;
  const times = added.map(({ unit }) => between(bootedAt(evidence, unit), activeAt(evidence, unit)));
  const each = added.map(({ unit, at }, i) => {
    const boot = between(at, bootedAt(evidence, unit));
    const idle = between(bootedAt(evidence, unit), firstHookAt(evidence, unit));
    return fact(
      `${unit}: boot, then running until active, of which Juju's own until the first hook`,
      `${text(boot)}, ${text(times[i] ?? null)}, ${text(idle)}`,
    );
  });
  const known = times.filter((time) => time !== null);
  const middle = known.length === added.length ? median(known) : null;
  return [
    ...each,
    limited(`Added unit: from is-system-running to active, median of ${added.length}`, middle, ADDED_LIMIT),
    ...fetchedBy(evidence),
  ];
}

function fetchedBy({ served, moments, status }: Evidence): Figure[] {
  if (served === null || moments.added.length === 0) return [];
  const units = unitsOf(status, APPLICATION);
  const addresses = moments.added.map(({ unit }) => units[unit]?.["public-address"] ?? "");
  const bytes = bytesOf(archiveRequests(served).filter(({ remote }) => addresses.includes(remote)));
  const known = addresses.every((address) => address !== "");
  return [
    {
      name: "Added units: bytes of the archive fetched",
      value: known ? String(bytes) : "not seen",
      limit: "0",
      holds: known ? bytes === 0 : null,
    },
  ];
}

/**
 * PostgreSQL is integrated after the publication, so the time between is cut out: until the last of the first units had
 * nothing more to do with the release, and from the web's being ready to the last worker's.
 */
function afterPublication(evidence: Evidence): Figure[] {
  const units = firstUnits(evidence);
  const web = webUnit(evidence);
  const workers = units.filter((unit) => unit !== web);
  const start = webStart(evidence);
  const taken = latest(units.map((unit) => takeOver(evidence, unit)));
  const lastActive = latest(workers.map((unit) => activeAt(evidence, unit)));
  const joined = start === null || lastActive === null ? null : Math.max(0, lastActive - start.to);
  const total = taken === null || joined === null ? null : taken + joined;
  return [
    fact("Publication until the last of the first units had taken the release over", text(taken)),
    fact("Web ready until the last of the first workers was active", text(joined)),
    limited(
      "Both together: publication to last waiting worker active, without the web's own start",
      total,
      TAKE_OVER_LIMIT,
    ),
    fact(
      "Web's own start: from its first start until its API and database answered",
      text(between(start?.from ?? null, start?.to ?? null)),
    ),
    fact(
      "Integration of PostgreSQL until the web was ready",
      text(between(evidence.moments.integrated, start?.to ?? null)),
    ),
  ];
}

/** The largest; null if one is not known, or there is none. */
function latest(values: readonly (number | null)[]): number | null {
  return values.length === 0 || values.includes(null) ? null : Math.max(...values.map(Number));
}

function hooks({ agents }: Evidence): Figure[] {
  const times = Object.values(agents).flatMap(hookTimes);
  if (times.length === 0) return [];
  const longest = times.reduce((a, b) => (b.time > a.time ? b : a));
  const value = `${times.length} hooks, ${duration(sum(times.map(({ time }) => time)))} in all, median ${duration(median(times.map(({ time }) => time)))}, longest ${longest.name} ${duration(longest.time)}`;
  return [fact("Hooks of all units, by what their agents showed", value)];
}

/** Each `running … hook` until whatever came next. */
function hookTimes(changes: readonly Change[]): { readonly name: string; readonly time: number }[] {
  return changes.flatMap(({ at, message }, i) => {
    const name = /^running (.+) hook$/.exec(message)?.[1];
    const next = changes[i + 1];
    return name === undefined || next === undefined ? [] : [{ name, time: next.at - at }];
  });
}

function between(from: number | null, to: number | null): number | null {
  return from === null || to === null ? null : to - from;
}

function text(milliseconds: number | null): string {
  return milliseconds === null ? "not seen" : duration(milliseconds);
}
