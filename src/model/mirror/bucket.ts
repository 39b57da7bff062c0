/** A token bucket shared by all answers of a mirror: together they get `rate` bytes a second. */

import { setTimeout as delay } from "node:timers/promises";

/** Pieces while throttled: small enough to look smooth, large enough to cost nothing. Bytes. */
const SLICE_MS = 20;
const LARGEST = 256 * 1024;

export class Bucket {
  #rate: number | null = null;
  #next = 0;

  /** Bytes a second, or null for as fast as it goes. Takes effect on answers under way. */
  set rate(bytesPerSecond: number | null) {
    this.#rate = bytesPerSecond;
    this.#next = 0;
  }

  get rate(): number | null {
    return this.#rate;
  }

  /** Bytes to send at a time: about 20 ms worth. */
  get slice(): number {
    if (this.#rate === null) return LARGEST;
    return Math.max(1, Math.min(LARGEST, Math.floor((this.#rate * SLICE_MS) / 1000)));
  }

  /** Resolves when `bytes` more may be sent. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#rate === null) return;
    const now = performance.now();
    const start = Math.max(now, this.#next);
    this.#next = start + (bytes / this.#rate) * 1000;
    if (start > now) await delay(start - now, undefined, { signal });
  }
}
