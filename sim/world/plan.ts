/** What a seed is: the shape of its world, and what goes wrong in it. */
import { FAULTS, type Fault, type FaultKind } from "./faults.ts";
import type { Moment } from "./moments.ts";
import { Dice } from "./random.ts";
import type { Pace } from "./scheduler.ts";

export interface Shape {
  readonly applications: readonly { readonly name: string; readonly model: string; readonly units: number }[];
  readonly mostUnits: number;
  /** Steps with faults; then they stop. */
  readonly steps: number;
  readonly faults: readonly Fault[];
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

/** Faults that make most sense at some moment, and how often they wait for it. */
const AT_MOMENTS: Partial<Record<FaultKind, readonly Moment[]>> = {
  "kill agent": [
    "downloading",
    "unpacking",
    "before publication",
    "between publish and fsync",
    "leasing",
    "moving to trash",
    "looking at leases again",
    "emptying trash",
  ],
  "pause agent": [
    "downloading",
    "before publication",
    "between publish and fsync",
    "leasing",
    "moving to trash",
    "looking at leases again",
  ],
  "kill hook": ["hook decides", "between secret and commit", "before the link jumps"],
  "pause hook": ["hook decides", "before the link jumps"],
  elect: ["hook decides", "between secret and commit"],
  "mount lost": ["downloading", "unpacking", "before publication", "leasing", "moving to trash"],
  "lock file replaced": ["downloading", "before publication"],
  "pause holder and elect": ["downloading", "before publication"],
  "power loss": ["between publish and fsync", "leasing", "downloading", "looking at leases again"],
  "remove unit": ["downloading", "leasing", "before the link jumps"],
  "machine off": ["downloading", "between publish and fsync"],
};

export function shapeOf(seed: number, settings: Settings): Shape {
  const dice = new Dice(seed, "shape");
  const units = dice.between(...settings.units);
  const steps = dice.between(1_000, 3_000 + 500 * units);
  const powerLoss = dice.chance(0.3);
  return {
    applications: [{ name: "ci", model: MODEL, units }],
    mostUnits: settings.units[1],
    steps,
    faults: faultsOf(dice, steps, powerLoss),
    pace: {
      tick: dice.magnitude(0.05, 3),
      inertia: dice.pick([0, 0, 0.5, 0.9]),
      oversleep: dice.pick([0, 100, 2_000]),
    },
    lock: settings.lock,
    powerLoss,
    version: "7.0.0",
  };
}

/** A few kinds of faults, several times each: all kinds at once would hide what two of them make together. */
function faultsOf(dice: Dice, steps: number, powerLoss: boolean): Fault[] {
  const kinds = FAULTS.filter((kind) => kind !== "power loss" && dice.chance(0.25));
  if (powerLoss) kinds.push("power loss");
  // Without a change of version there is little to do once the first release is there.
  if (dice.chance(0.7)) kinds.push("change version");
  const count = dice.between(0, 24);
  const faults = Array.from({ length: kinds.length === 0 ? 0 : count }, () => {
    const kind = dice.pick(kinds);
    const moments = AT_MOMENTS[kind] ?? [];
    const moment = moments.length > 0 && dice.chance(0.7) ? dice.pick(moments) : null;
    return { at: dice.below(steps), kind, moment };
  });
  return faults.toSorted((a, b) => a.at - b.at).map((fault, index) => ({ index, ...fault }));
}
