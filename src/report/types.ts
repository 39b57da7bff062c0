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
  /** What it is held against, if anything. */
  readonly limit: string;
  readonly holds: boolean | null;
}

export interface StorageEntry {
  readonly name: string;
  readonly detail: string;
}

type Results = Pick<Report, "checks" | "figures">;

/** True only if no check fails, and every figure that has a limit was seen to keep it. */
export function holds({ checks, figures }: Results): boolean {
  const limited = figures.filter(({ limit }) => limit !== "");
  return (
    checks.some((check) => check.holds === true) &&
    checks.every((check) => check.holds !== false) &&
    limited.every((figure) => figure.holds === true)
  );
}

/** The verdict in words, small letters first. */
export function verdict(report: Results): string {
  if (!holds(report)) return "NOT every check holds";
  const unchecked = report.checks.filter((check) => check.holds === null).length;
  return unchecked === 0 ? "every check holds" : `every check holds but ${unchecked} that could not be made`;
}
