/** What can be wrong with a mirror. Each fault is switched on and off at run time; they can be combined. */

export interface Faults {
  /** Connections are refused. */
  readonly down: boolean;
  /** Answers to archive requests begin and then send no more bytes, until switched off. */
  readonly stall: boolean;
  /** The connection breaks after so many bytes of an archive's body. `once`: only the first answer it hits. */
  readonly cut: { readonly afterBytes: number; readonly times: "once" | "always" } | null;
  /** Every request is answered with this status. `retryAfter`: seconds, sent as `Retry-After`. */
  readonly status: { readonly code: number; readonly retryAfter?: number } | null;
  /** A web page with status 200 in place of an archive, as captive portals send. */
  readonly html: boolean;
  /** The archive ends `bytes` early. `length`: what Content-Length says of it. */
  readonly truncated: { readonly bytes: number; readonly length: "right" | "wrong" } | null;
  /** The byte at this offset of the archive is sent inverted. */
  readonly flippedByte: number | null;
  /** `wrong`: a digest of something else; `missing`: 404; `malformed`: text that is no digest. */
  readonly digest: "wrong" | "missing" | "malformed" | null;
}

export const NO_FAULTS: Faults = {
  down: false,
  stall: false,
  cut: null,
  status: null,
  html: false,
  truncated: null,
  flippedByte: null,
  digest: null,
};

/** The faults as they are switched now, and what they do to the bytes of an archive. */
export class Switches {
  #now: Faults = NO_FAULTS;
  /** Wakes stalled answers when the faults change. */
  #changed = Promise.withResolvers<void>();

  get now(): Faults {
    return this.#now;
  }

  set(faults: Partial<Faults>): void {
    this.#now = { ...this.#now, ...faults };
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** @throws what `signal` says, once who asked is gone. */
  async whileStalled(signal: AbortSignal): Promise<void> {
    if (!this.#now.stall) return;
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    while (this.#now.stall && !signal.aborted) await Promise.race([this.#changed.promise, aborted.promise]);
    signal.throwIfAborted();
  }

  /** Bytes that may still be sent of a body of which so many have been. */
  untilCut(sent: number): number {
    const { cut } = this.#now;
    return cut === null ? Infinity : Math.max(0, cut.afterBytes - sent);
  }

  useUpCut(): void {
    if (this.#now.cut?.times === "once") this.#now = { ...this.#now, cut: null };
  }

  /** `position`: offset of the buffer in the archive. */
  flip(buffer: Buffer, position: number): void {
    const { flippedByte } = this.#now;
    if (flippedByte === null) return;
    const value = buffer[flippedByte - position];
    if (value !== undefined) buffer[flippedByte - position] = value ^ 0xff;
  }
}
