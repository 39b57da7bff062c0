/** Calls the state's `tick` when it is due. */

import type { LiveModel } from "./live-model.ts";

/** Longest delay that a Node timer takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

export class Ticker {
  readonly #model: LiveModel;
  #timer: NodeJS.Timeout | undefined;

  constructor(model: LiveModel) {
    this.#model = model;
  }

  /** To be called after every change. */
  arm(): void {
    clearTimeout(this.#timer);
    const deadline = this.#model.state.nextDeadline();
    if (deadline === null) return;
    const delay = Math.min(LONGEST, Math.max(0, deadline - this.#model.now()));
    this.#timer = setTimeout(() => {
      this.#model.state.tick(this.#model.now());
      this.#model.changed();
    }, delay);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
