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
  /** null: could not be looked at; that is said, and is not a success. */
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

/** True only if every check holds, and every figure that has a limit. What was not looked at does not hold. */
export function holds({ checks, figures }: Pick<Report, "checks" | "figures">): boolean {
  const results = [...checks, ...figures.filter(({ limit }) => limit !== "")].map((item) => item.holds);
  return results.length > 0 && results.every((result) => result === true);
}
