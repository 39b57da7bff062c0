import { fileProblem, isFileFault, StoreError } from "../store/errors.ts";
import { AGENT_DIRECTORY, type Problem } from "./contract.ts";

/** A known mishap of a task, in the words of the status line; the task is run again after a while. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly problem: Problem;
  readonly retryMs: number | null;

  /** `retryMs`: when it is worth another try, in milliseconds; null = soon, then ever more rarely. */
  constructor(problem: Problem, retryMs: number | null = null) {
    super(problem.message);
    this.problem = problem;
    this.retryMs = retryMs;
  }
}

/** The problem a task reports of itself, or of the unit's own disk; null for an error nobody foresaw. */
export function knownProblem(error: unknown): Problem | null {
  if (error instanceof Fault || error instanceof StoreError) return error.problem;
  return isFileFault(error) ? fileProblem(error, AGENT_DIRECTORY, "") : null;
}

/** Work on the store: a failing disk is told as the store's, not as the unit's own. */
export async function aboutStore<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isFileFault(error) ? new StoreError(fileProblem(error, path, ""), { cause: error }) : error;
  }
}

/** When the task asks to be run again, in milliseconds; null if it leaves that to its runner. */
export function retryOf(error: unknown): number | null {
  return error instanceof Fault || error instanceof StoreError ? error.retryMs : null;
}
