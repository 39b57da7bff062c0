/** Juju's line reader has a buffer of this many bytes; longer lines are split (charmrunner/logger.go). */
const LONGEST_LINE = 4096;

/** Cuts a stream into lines as they arrive and hands each to `emit`; keeps the whole text as well. */
export class LineLogger {
  readonly #emit: (line: string) => void;
  #pending = Buffer.alloc(0);
  readonly #chunks: Buffer[] = [];

  constructor(emit: (line: string) => void) {
    this.#emit = emit;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#pending = Buffer.concat([this.#pending, chunk]);
    for (;;) {
      const newline = this.#pending.indexOf(10);
      const end = newline === -1 || newline > LONGEST_LINE ? LONGEST_LINE : newline;
      if (newline === -1 && this.#pending.length < LONGEST_LINE) return;
      this.#emit(this.#pending.subarray(0, end).toString("utf8"));
      this.#pending = this.#pending.subarray(end === newline ? end + 1 : end);
    }
  }

  /** Emits what has no newline yet. */
  end(): void {
    if (this.#pending.length > 0) this.#emit(this.#pending.toString("utf8"));
    this.#pending = Buffer.alloc(0);
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}
