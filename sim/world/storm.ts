/** The faults that a seed has written down: when each happens, or which moment it waits for. */
import { act, type Fault } from "./faults.ts";
import type { Moment } from "./moments.ts";
import { Dice } from "./random.ts";
import type { SimUnit } from "./unit.ts";
import type { World } from "./world.ts";

export class Storm {
  readonly #world: World;
  /** Still to come, and waiting for their moment. */
  #faults: Fault[];
  #armed: Fault[] = [];
  #began = 0;

  constructor(world: World) {
    this.#world = world;
    this.#faults = [...world.shape.faults];
  }

  /** From now on things go wrong: the list of faults counts its steps from here. */
  begin(): void {
    this.#began = this.#world.scheduler.steps;
  }

  get isOver(): boolean {
    return this.#passed >= this.#world.shape.steps;
  }

  get #passed(): number {
    return this.#world.scheduler.steps - this.#began;
  }

  end(): void {
    this.#faults = [];
    this.#armed = [];
  }

  /** Faults that are due happen, or wait for their moment from now on. */
  step(): void {
    while ((this.#faults[0]?.at ?? Number.POSITIVE_INFINITY) <= this.#passed) {
      const fault = this.#faults.shift();
      if (fault === undefined) return;
      if (fault.moment !== null) this.#armed.push(fault);
      else this.#act(fault, null);
    }
  }

  /** A unit has got to a moment that faults may wait for. */
  moment(unit: SimUnit, moment: Moment): void {
    const at = this.#armed.findIndex((fault) => fault.moment === moment);
    const [fault] = at < 0 ? [] : this.#armed.splice(at, 1);
    if (fault !== undefined) this.#act(fault, unit);
  }

  #act(fault: Fault, unit: SimUnit | null): void {
    const dice = new Dice(this.#world.seed, `fault ${fault.index}`);
    act(this.#world, fault, unit ?? dice.pick(this.#world.living()), dice);
  }
}
