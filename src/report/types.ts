/** A deployment report: what one run did and measured. Plain data, so that every rendering says the same. All times are milliseconds since 1970. */
export interface Report {
  readonly title: string;
  readonly started: number;
  readonly ended: number;
  /** What was run on what, in the order to show it. */
  readonly configuration: readonly (readonly [name: string, value: string])[];
  readonly lanes: readonly Lane[];
  readonly milestones: readonly Milestone[];
  readonly checks: readonly Check[];
  readonly figures: readonly Figure[];
  /** `juju status` at the end, to the letter. */
  readonly status: string;
  readonly storage: readonly StorageEntry[];
  /** What this run could not look at, and how to. */
  readonly limitations: readonly string[];
}

/** One unit's time, from its first sign to the end of the run, in spans that follow each other. */
export interface Lane {
  readonly unit: string;
  readonly spans: readonly Span[];
}

export type Phase = "starting" | "downloading" | "waiting" | "working" | "blocked" | "active";

export interface Span {
  readonly from: number;
  readonly to: number;
  readonly phase: Phase;
  /** The status message. */
  readonly text: string;
}

export interface Milestone {
  readonly at: number;
  readonly text: string;
}

export interface Check {
  readonly name: string;
  /** null: cannot be made where this release comes from; `evidence` says why. No success, and no failure. */
  readonly holds: boolean | null;
  /** What was seen. */
  readonly evidence: string;
}

export interface Figure {
  readonly name: string;
  readonly value: string;
  /** Its aim, if it has one. */
  readonly limit: string;
  readonly holds: boolean | null;
}

export interface StorageEntry {
  readonly name: string;
  readonly detail: string;
}

/** True only if no check fails, and one holds. Figures say how quick this host was, not whether the deployment is right. */
export function holds({ checks }: Pick<Report, "checks">): boolean {
  return checks.some((check) => check.holds === true) && checks.every((check) => check.holds !== false);
}

/** Figures that miss their aim, or were not seen. */
export const beside = ({ figures }: Pick<Report, "figures">): readonly Figure[] =>
  figures.filter(({ limit, holds: keeps }) => limit !== "" && keeps !== true);

/** The verdict in words, small letters first. */
export function verdict(report: Pick<Report, "checks">): string {
  if (!holds(report)) return "NOT every check holds";
  const unchecked = report.checks.filter((check) => check.holds === null).length;
  return unchecked === 0 ? "every check holds" : `every check holds but ${unchecked} that could not be made`;
}
