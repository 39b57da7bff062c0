/** Bytes from one loop to another, with a bound on what lies between them. */
export class Channel implements AsyncIterable<Uint8Array> {
  readonly #bound: number;
  #pieces: Uint8Array[] = [];
  #size = 0;
  #closed = false;
  #abandoned = false;
  #failure: { readonly error: unknown } | null = null;
  #wakeReader: (() => void) | null = null;
  #wakeWriter: (() => void) | null = null;

  constructor(bound: number) {
    this.#bound = bound;
  }

  /** Waits while the channel is full. Once the reader has gone away the bytes are dropped. */
  async push(bytes: Uint8Array): Promise<void> {
    if (this.#abandoned) {
      return;
    }
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    this.#wakeReader?.();
    while (this.#size > this.#bound && !this.#abandoned) {
      await new Promise<void>((wake) => (this.#wakeWriter = wake));
    }
  }

  close(): void {
    this.#closed = true;
    this.#wakeReader?.();
  }

  /** Ends the reader's loop with this error. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.#wakeReader?.();
  }

  /** Everything that has come since the last piece as one piece: fewer and larger steps for the reader. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) {
        if (this.#failure !== null) {
          throw this.#failure.error;
        }
        if (this.#size > 0) {
          yield this.#takeAll();
        } else if (this.#closed) {
          return;
        } else {
          await new Promise<void>((wake) => (this.#wakeReader = wake));
        }
      }
    } finally {
      this.#abandoned = true;
      this.#wakeWriter?.();
    }
  }

  #takeAll(): Uint8Array {
    const pieces = this.#pieces;
    const bytes = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
    this.#pieces = [];
    this.#size = 0;
    this.#wakeWriter?.();
    return bytes;
  }
}
