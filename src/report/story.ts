/** What the status logs tell of one run: who downloaded, who waited, who was ready when. */

import type { Change, Evidence } from "./evidence.ts";
import { APPLICATION, unitsOf } from "./names.ts";

/** The charm's status texts, as its operators know them. */
const DOWNLOADING = /^(?:Downloading|Unpacking and verifying) Concourse/;
const WAITING_FOR_DOWNLOAD = /^Waiting for \S+ to download Concourse/;
const INSTALLING =
  /^(?:Waiting for \S+ to download|Waiting for the leader to choose|Looking up the|Downloading|Unpacking and verifying|Checking|Installing) /;
const WEB = /^Web server ready/;
const STARTING_WEB = /^Starting web server/;

export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** Units that showed that they were downloading. */
export function downloaders(evidence: Evidence): string[] {
  return unitsThatShowed(evidence, ({ message }) => DOWNLOADING.test(message));
}

/** Units that showed that they waited for another one's download. */
export function waiters(evidence: Evidence): string[] {
  return unitsThatShowed(evidence, isWaitingForDownload);
}

export function isDownloading({ message }: Change): boolean {
  return DOWNLOADING.test(message);
}

function isWaitingForDownload({ status, message }: Change): boolean {
  return status === "waiting" && WAITING_FOR_DOWNLOAD.test(message);
}

function unitsThatShowed({ workloads }: Evidence, what: (change: Change) => boolean): string[] {
  return Object.keys(workloads).filter((unit) => workloads[unit]?.some(what));
}

/** The unit's first entry for which `what` holds, from a moment on. */
export function first(changes: readonly Change[] | undefined, what: RegExp, from = 0): number | null {
  return changes?.find(({ at, message }) => at >= from && what.test(message))?.at ?? null;
}

/** When the unit was first active. */
export function activeAt(evidence: Evidence, unit: string): number | null {
  return evidence.workloads[unit]?.find(({ status }) => status === "active")?.at ?? null;
}

export function firstUnits(evidence: Evidence): string[] {
  const added = new Set(evidence.moments.added.map(({ unit }) => unit));
  return Object.keys(unitsOf(evidence.status, APPLICATION)).filter((unit) => !added.has(unit));
}

/** The unit that shows itself as the web at the end. */
export function webUnit({ status }: Evidence): string | null {
  const units = Object.entries(unitsOf(status, APPLICATION));
  return units.find(([, unit]) => WEB.test(unit["workload-status"].message ?? ""))?.[0] ?? null;
}

/** From the web's first start to its being ready. */
export function webStart(evidence: Evidence): Interval | null {
  const unit = webUnit(evidence);
  if (unit === null) return null;
  const from = first(evidence.workloads[unit], STARTING_WEB);
  const to = first(evidence.workloads[unit], WEB);
  return from === null || to === null ? null : { from, to };
}

/** Milliseconds from the publication until the unit had nothing more to do with the release; null if that is not to be seen. */
export function takeOver(evidence: Evidence, unit: string): number | null {
  const { published } = evidence.moments;
  if (published === null) return null;
  const next = evidence.workloads[unit]?.find(({ at, message }) => at >= published && !INSTALLING.test(message));
  return next === undefined ? null : next.at - published;
}

/** Before that the controller and its agents are at work alone: the charm has not been asked for anything. */
export function firstHookAt(evidence: Evidence, unit: string): number | null {
  return first(evidence.agents[unit], /^running .+ hook$/);
}

/** Machine's `started` entry: its init said that it is running. */
export function bootedAt(evidence: Evidence, unit: string): number | null {
  const machine = unitsOf(evidence.status, APPLICATION)[unit]?.machine ?? "";
  return evidence.machines[machine]?.find(({ status }) => status === "started")?.at ?? null;
}
