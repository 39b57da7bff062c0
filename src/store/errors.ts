import type { Problem } from "../agent/contract.ts";
import type { BadArchive } from "./types.ts";

/** Longest text of a problem: a status line has to hold it with a prefix. */
const LONGEST = 110;

/** Something about the store, an archive or its source, already in the words of the status line. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly problem: Problem;
  /** Set if an archive was fetched whole and is bad: hand it to the next `fetchRelease`. */
  readonly bad: BadArchive | null;

  constructor(problem: Problem, options: { readonly cause?: unknown; readonly bad?: BadArchive } = {}) {
    super(problem.message, { cause: options.cause });
    this.problem = problem;
    this.bad = options.bad ?? null;
  }
}

/** A problem that only the operator can end. */
export function blocked(code: string, message: string): Problem {
  return { code, message: shorten(message), blocked: true };
}

/** A problem that may pass by itself. */
export function waiting(code: string, message: string): Problem {
  return { code, message: shorten(message), blocked: false };
}

function shorten(message: string): string {
  const line = message.replace(/\s+/g, " ").trim();
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1)}…`;
}

/** Node's `code` of a failed call, or "" for anything else. */
export function errno(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
