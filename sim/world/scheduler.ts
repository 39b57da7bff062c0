/**
 * Who goes on, and what time it is. Everything a unit awaits is a call that waits here until the seed lets it happen;
 * between two calls the rest of the program has run as far as it gets. Time is virtual: it passes a little with every
 * call, and jumps to the next sleeper when nobody else has anything to do.
 */
import { Dice } from "./random.ts";
import { Sleepers } from "./sleepers.ts";

/** Somebody who makes calls: an agent, a hook. Killed, none of its calls is ever answered; frozen, none until thawed. */
export class Life {
  readonly name: string;
  alive = true;
  frozen = false;
  wasFrozen = false;
  /** Calls that came up while it was frozen. */
  readonly held: Call[] = [];
  /** Calls that have been answered. */
  calls = 0;

  constructor(name: string) {
    this.name = name;
  }
}

interface Call {
  readonly life: Life;
  readonly what: string;
  readonly happen: () => void;
}

export interface Pace {
  /** Milliseconds that pass with a call, on average. */
  readonly tick: number;
  /** How likely the same life goes on as long as it can. */
  readonly inertia: number;
  /** Sleeps last longer by up to this many milliseconds, and by up to fifty times themselves. */
  readonly oversleep: number;
}

export class Scheduler {
  readonly #dice: Dice;
  pace: Pace;
  #ready: Call[] = [];
  readonly #sleepers = new Sleepers<Life | null>();
  /** Who went on last. */
  last: Life | null = null;
  #time = 1_000;
  /** What the wall clock shows beyond the steady one. */
  wall = 1_700_000_000_000;
  steps = 0;
  /** Told of every call as it happens. */
  observe: (life: Life, what: string) => void = () => undefined;

  constructor(seed: number, pace: Pace) {
    this.#dice = new Dice(seed, "schedule");
    this.pace = pace;
  }

  /** Milliseconds from the beginning; never goes back. */
  get steady(): number {
    return this.#time;
  }

  now(): number {
    return Math.floor(this.wall + this.#time);
  }

  /** One port call. `work` happens as a whole, at a moment that the seed chooses. */
  call<Result>(life: Life, what: string, work: () => Result): Promise<Awaited<Result>> {
    if (!life.alive) return new Promise<never>(() => undefined);
    return new Promise((resolve, reject) => {
      const happen = () => {
        try {
          resolve(work() as Awaited<Result>);
        } catch (error) {
          reject(error);
        }
      };
      this.#ready.push({ life, what, happen });
    });
  }

  sleep(life: Life, milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (!life.alive) return new Promise<never>(() => undefined);
    return new Promise((resolve) => {
      const wake = () => {
        if (sleeper.woken) return;
        sleeper.woken = true;
        signal?.removeEventListener("abort", wake);
        this.#ready.push({ life, what: "wake up", happen: resolve });
      };
      const longer = Math.min(this.pace.oversleep, 50 * milliseconds) * this.#dice.fraction();
      const sleeper = this.#sleepers.add(this.#time + Math.max(0, milliseconds) + longer, life, wake);
      if (signal?.aborted) wake();
      else signal?.addEventListener("abort", wake);
    });
  }

  /** Something that the world does later. */
  later(milliseconds: number, work: () => void): void {
    const sleeper = this.#sleepers.add(this.#time + milliseconds, null, () => {
      sleeper.woken = true;
      work();
    });
  }

  /** The world does something soon, at a moment that the seed chooses. */
  soon(life: Life, what: string, work: () => void): void {
    this.#ready.push({ life, what, happen: work });
  }

  kill(life: Life): void {
    life.alive = false;
    life.held.length = 0;
  }

  freeze(life: Life): void {
    life.frozen = true;
    life.wasFrozen = true;
  }

  thaw(life: Life): void {
    life.frozen = false;
    this.#ready.push(...life.held.splice(0));
  }

  /** Runs until `ended` says so, asked before each step; true if it did, false if nobody has anything left to do. */
  run(ended: () => boolean): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const step = () => {
        try {
          if (ended()) return resolve(true);
          if (!this.#step()) return resolve(false);
        } catch (error) {
          return reject(error as Error);
        }
        // From a microtask: the tick comes when every other microtask, of any depth, has run.
        queueMicrotask(tick);
      };
      const tick = () => process.nextTick(step);
      tick();
    });
  }

  #step(): boolean {
    this.#rouse();
    let call = this.#choose();
    while (call === null) {
      if (!this.#pass()) return false;
      call = this.#choose();
    }
    this.steps += 1;
    this.#time += 2 * this.pace.tick * this.#dice.fraction();
    this.last = call.life;
    call.life.calls += 1;
    this.observe(call.life, call.what);
    call.happen();
    return true;
  }

  #choose(): Call | null {
    const ready = this.#ready;
    while (ready.length > 0) {
      const index = this.#index();
      const call = ready[index];
      const last = ready.pop();
      if (call === undefined || last === undefined) throw new Error("no call");
      if (index < ready.length) ready[index] = last;
      if (!call.life.alive) continue;
      if (!call.life.frozen) return call;
      call.life.held.push(call);
    }
    return null;
  }

  #index(): number {
    const ready = this.#ready;
    if (this.last !== null && this.#dice.chance(this.pace.inertia)) {
      const mine = ready.findIndex(({ life }) => life === this.last);
      if (mine >= 0) return mine;
    }
    return this.#dice.below(ready.length);
  }

  /** Wakes who is due. */
  #rouse(): void {
    const sleepers = this.#sleepers;
    for (let { first } = sleepers; first !== undefined && first.due <= this.#time; first = sleepers.first) {
      sleepers.removeFirst();
      if (!first.woken && first.life?.alive !== false) first.wake();
    }
  }

  /** Lets time pass to the next sleeper. */
  #pass(): boolean {
    const sleepers = this.#sleepers;
    for (let { first } = sleepers; first !== undefined; first = sleepers.first) {
      if (first.woken || first.life?.alive === false) {
        sleepers.removeFirst();
        continue;
      }
      this.#time = Math.max(this.#time, first.due);
      this.#rouse();
      return true;
    }
    return false;
  }
}
