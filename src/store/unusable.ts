import type { Problem } from "../agent/contract.ts";

/** Why a store cannot be used: thrown while it is opened, and caught by `openStore`. */
export class Unusable extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}
