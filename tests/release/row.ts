/** One line of the conformance table: a named behaviour of a release that deployments of the charm rely on. */

import type { World } from "./world.ts";

export interface Row {
  /** Never changes: outcomes are kept under it. */
  readonly id: string;
  /** What holds, as one sentence. */
  readonly name: string;
  /** Containers run, which the stand-in has none of. */
  readonly builds?: boolean;
  /** Needs a second version to go to, and leaves the deployment on it. */
  readonly upgrade?: boolean;
  /** Rows of one group stand together and run at once. */
  readonly group?: string;
  /** For how long it may go on, in seconds; 300 by default. */
  readonly limit?: number;
  /** What was seen, in a few words and figures. @throws Error if the behaviour does not hold. */
  run(world: World): Promise<string>;
}

export class Deviation extends Error {
  override readonly name = "Deviation";
}

/** @throws Deviation that says so. */
export function holds(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Deviation(otherwise);
}
