/** How errors reach the person at the keyboard: one line, no stack trace. */

import { UserError } from "../errors.ts";

/** Ends the command with a code of its own after it has said all there is to say. */
export class ExitError extends Error {
  override readonly name = "ExitError";
  readonly code: number;

  constructor(code: number, message = "") {
    super(message);
    this.code = code;
  }
}

/** 2 for a mistake, 1 for what went wrong while running, or the command's own. */
export function exitCodeFor(error: unknown): number {
  if (error instanceof ExitError) return error.code;
  return error instanceof UserError ? 2 : 1;
}

export function report(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  if (message !== "") process.stderr.write(`ERROR ${message}\n`);
  if (process.env["CONCOURSE_MACHINE_DEBUG"] === "1" && error instanceof Error)
    process.stderr.write(`${error.stack}\n`);
}
