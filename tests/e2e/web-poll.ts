/** Asks a web's API again and again, and writes down what it says. */

import { setTimeout as pause } from "node:timers/promises";

export interface Answer {
  /** When it was asked, milliseconds since 1970. */
  readonly at: number;
  /** null = no answer, or none of a Concourse. */
  readonly version: string | null;
}

const EVERY = 100;
/** A busy machine answers late; a web that is down refuses at once. */
const PATIENCE = 10_000;

export class WebPoll {
  readonly #url: string;
  #answers: Answer[] = [];
  #ends: AbortController | null = null;
  #polling: Promise<void> = Promise.resolve();

  constructor(url: string) {
    this.#url = url;
  }

  begin(): void {
    this.#answers = [];
    this.#ends = new AbortController();
    this.#polling = this.#poll(this.#ends.signal);
  }

  /** All answers since the beginning, oldest first. */
  async end(): Promise<readonly Answer[]> {
    this.#ends?.abort();
    await this.#polling;
    return this.#answers;
  }

  async #poll(end: AbortSignal): Promise<void> {
    while (!end.aborted) {
      const at = Date.now();
      this.#answers.push({ at, version: await this.#ask() });
      await pause(EVERY, undefined, { signal: end }).catch(() => undefined);
    }
  }

  async #ask(): Promise<string | null> {
    try {
      const response = await fetch(`${this.#url}/api/v1/info`, { signal: AbortSignal.timeout(PATIENCE) });
      const info = (await response.json()) as { version?: string };
      return info.version ?? null;
    } catch {
      return null;
    }
  }
}
