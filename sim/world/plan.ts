/** What a seed is: the shape of its world. */
import { Dice } from "./random.ts";
import type { Pace } from "./scheduler.ts";

export interface Shape {
  readonly applications: readonly { readonly name: string; readonly model: string; readonly units: number }[];
  /** Steps with faults; then they stop. */
  readonly steps: number;
  readonly pace: Pace;
  /** False: a lock that always says yes. */
  readonly lock: boolean;
  readonly powerLoss: boolean;
  readonly version: string;
}

export interface Settings {
  readonly units: readonly [number, number];
  readonly lock: boolean;
}

const MODEL = "0a1b2c3d-0000-4000-8000-000000000001";

export function shapeOf(seed: number, settings: Settings): Shape {
  const dice = new Dice(seed, "shape");
  const units = dice.between(...settings.units);
  return {
    applications: [{ name: "ci", model: MODEL, units }],
    steps: dice.between(500, 1_500),
    pace: {
      tick: dice.magnitude(0.05, 3),
      inertia: dice.pick([0, 0, 0.5, 0.9]),
      oversleep: dice.pick([0, 100, 2_000]),
    },
    lock: settings.lock,
    powerLoss: dice.chance(0.3),
    version: "7.0.0",
  };
}
