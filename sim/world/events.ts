/** Which of the events that could come next a unit gets: Juju's choice, or a worse one. */
import type { JujuEvent } from "../juju/events.ts";
import type { Dice } from "./random.ts";
import type { SimUnit } from "./unit.ts";

/** Of an event to be lost, doubled, or sent before its time. */
export interface Chances {
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
}

export const ORDERLY: Chances = { lost: 0, doubled: 0, reordered: 0 };

export class Events {
  readonly #dice: Dice;
  readonly #met: (situation: string) => void;
  chances = ORDERLY;

  constructor(dice: Dice, met: (situation: string) => void) {
    this.#dice = dice;
    this.#met = met;
  }

  /** Which event a unit gets; null if the one it would get is lost. */
  choose(unit: SimUnit, events: readonly JujuEvent[]): JujuEvent | null {
    const [first] = events;
    if (first === undefined) return null;
    const { lost, doubled, reordered } = this.chances;
    if (lost + doubled + reordered === 0 || !unit.juju.started || unit.juju.dying || unit.juju.pending !== null)
      return first;
    const dice = this.#dice.fraction();
    if (dice < reordered && events.length > 1) {
      this.#met("event reordered");
      return this.#dice.pick(events);
    }
    if (first.exec !== null) return first;
    if (dice < reordered + lost) {
      this.#met("event lost");
      first.begin();
      return null;
    }
    if (dice < reordered + lost + doubled) {
      this.#met("event doubled");
      return { ...first, begin: () => undefined };
    }
    return first;
  }
}
