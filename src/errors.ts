/**
 * A mistake of the person at the keyboard, or a state they can put right: one line that names the cause, and what to
 * run next. The tool prints it without a stack trace and ends with exit code 2; anything else is a fault of ours.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  /** The next command or step, as one sentence; empty when the cause says it all. */
  readonly next: string;

  constructor(cause: string, next = "") {
    super(next === "" ? cause : `${cause}. ${next}`);
    this.next = next;
  }
}
