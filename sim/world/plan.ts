/** What a seed is: the shape of its world, and what goes wrong in it. */
import { FAULTS, type Fault, type FaultKind } from "./faults.ts";
import type { Moment } from "./moments.ts";
import { Dice } from "./random.ts";
import type { Pace } from "./scheduler.ts";

export interface ApplicationShape {
  readonly name: string;
  readonly model: string;
  readonly mode: "auto" | "web" | "worker";
  readonly units: number;
  /** Its units cannot write the store. */
  readonly readOnly: boolean;
  /** The web application behind its relation `flight`. */
  readonly flight: string | null;
}

export interface Shape {
  readonly applications: readonly ApplicationShape[];
  readonly mostUnits: number;
  /** Nothing goes wrong before the first release is agreed on, or everybody runs it, or everybody runs a second one. */
  readonly headStart: "none" | "agreed" | "settled" | "upgraded";
  /** Share of the reads of hooks that let others go first. */
  readonly reads: number;
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
const OTHER_MODEL = "0e5f6a7b-0000-4000-8000-000000000002";

/** One application of everything; webs and workers apart; or those, and a strange one of another model with equal names. */
function applicationsOf(dice: Dice, units: number): ApplicationShape[] {
  const common = { model: MODEL, readOnly: false, flight: null };
  if (units < 3 || dice.chance(0.45)) return [{ ...common, name: "ci", mode: "auto", units }];
  const strange = units > 3 && dice.chance(0.3) ? 1 : 0;
  const webs = dice.between(1, Math.min(3, units - strange - 1));
  const workers = units - strange - webs;
  const split = workers > 1 && dice.chance(0.55) ? dice.between(1, workers - 1) : 0;
  // Two applications of workers are not related to each other: each knows of the other by their web's word.
  const worker = () => ({ ...common, mode: "worker" as const, flight: "ci", readOnly: dice.chance(0.5) });
  const across = strange === 0 && dice.chance(0.35);
  return [
    { ...common, name: "ci", mode: "web", units: webs },
    { ...worker(), ...(across ? { model: OTHER_MODEL } : {}), name: "worker", units: workers - split },
    ...(split > 0 ? [{ ...worker(), name: "gpu", units: split }] : []),
    ...(strange > 0 ? [{ ...common, name: "ci", model: OTHER_MODEL, mode: "auto" as const, units: strange }] : []),
  ];
}

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
  "pause cleaner and go back": ["moving to trash", "looking at leases again"],
  "machine off": ["downloading", "between publish and fsync"],
};

export function shapeOf(seed: number, settings: Settings): Shape {
  const dice = new Dice(seed, "shape");
  // Few units more often: what many of them can do to each other, three can mostly do as well, and sooner.
  const cleansUp = dice.chance(0.1);
  const headStart = cleansUp
    ? "upgraded"
    : dice.pick(["none", "agreed", "agreed", "agreed", "settled", "settled"] as const);
  const draws = dice.chance(0.05) ? 1 : headStart === "none" || headStart === "agreed" ? 6 : 8;
  const units = Math.min(...Array.from({ length: draws }, () => dice.between(...settings.units)));
  const steps = cleansUp ? 1_500 * units : dice.between(600, 1_700 + 250 * units);
  const powerLoss = dice.chance(0.3);
  return {
    applications: applicationsOf(dice, units),
    mostUnits: settings.units[1],
    headStart,
    reads: dice.pick([0, 0.1, 0.1, 1]),
    steps,
    faults: cleansUp ? faultsOfCleanUp(dice, powerLoss) : faultsOf(dice, steps, powerLoss),
    pace: {
      tick: dice.magnitude(0.05, 3),
      inertia: dice.pick([0, 0, 0.5, 0.9]),
      oversleep: dice.pick([0, 1_000, 5_000, 20_000]),
    },
    lock: settings.lock,
    powerLoss,
    version: "7.0.0",
  };
}

const AT_CLEAN_UP: readonly (readonly [FaultKind, Moment])[] = [
  ["kill agent", "moving to trash"],
  ["kill agent", "moving to trash"],
  ["kill agent", "moving to trash"],
  ["kill agent", "emptying trash"],
  ["pause agent", "moving to trash"],
  ["pause agent", "looking at leases again"],
  ["pause agent", "looking at leases again"],
  ["pause agent", "looking at leases again"],
  ["change version", "moving to trash"],
  ["change version", "moving to trash"],
  ["change version", "moving to trash"],
  ["change version", "moving to trash"],
  ["pause agent", "between publish and fsync"],
  ["add unit", "moving to trash"],
  ["pause cleaner and go back", "moving to trash"],
  ["pause cleaner and go back", "moving to trash"],
  ["pause cleaner and go back", "looking at leases again"],
  ["mount lost", "moving to trash"],
  ["elect", "hook decides"],
];

/** One upgrade, and what meets the clean-up that follows it. */
function faultsOfCleanUp(dice: Dice, powerLoss: boolean): Fault[] {
  const loss = ["power loss", "emptying trash"] as const;
  const faults = Array.from({ length: dice.between(2, 4) }, () =>
    dice.pick(powerLoss ? [...AT_CLEAN_UP, loss] : AT_CLEAN_UP),
  );
  const upgrade = { index: 0, at: 0, kind: "change version", moment: null } as const;
  return [upgrade, ...faults.map(([kind, moment], index) => ({ index: index + 1, at: 1, kind, moment }))];
}

/** What meets a unit in the middle of its work is worth more than what meets it at rest. */
const OFTEN: readonly FaultKind[] = [
  ...FAULTS,
  ...(["kill agent", "pause agent", "mount lost", "pause holder and elect", "remove unit", "add unit"] as const),
  ...([
    "kill agent",
    "pause agent",
    "pause holder and elect",
    "weather",
    "weather",
    "weather",
    "copy planted",
    "release spoilt",
    "release spoilt",
    "release spoilt",
    "release spoilt",
    "release spoilt",
  ] as const),
];

/** Moments that pass quickly, and what is to meet a unit there often enough all the same. */
const RARE: readonly (readonly [FaultKind, Moment])[] = [
  ["kill agent", "downloading"],
  ["kill agent", "unpacking"],
  ["kill agent", "between publish and fsync"],
  ["kill agent", "between publish and fsync"],
  ["pause agent", "between publish and fsync"],
  ["pause agent", "looking at leases again"],
  ["power loss", "between publish and fsync"],
  ["power loss", "between publish and fsync"],
  ["power loss", "emptying trash"],
  ["add unit", "downloading"],
  ["add unit", "downloading"],
  ["remove unit", "downloading"],
  ["remove unit", "downloading"],
  ["change version", "downloading"],
  ["change version", "moving to trash"],
  ["change version", "moving to trash"],
  ["mount lost", "downloading"],
  ["pause holder and elect", "downloading"],
  ["machine off", "downloading"],
  ["lock file replaced", "downloading"],
  ["pause hook", "before the link jumps"],
];

/**
 * A few kinds of faults, several times each: all kinds at once would hide what two of them make together. Versions change
 * now and then in most seeds, for most of what a store is for happens then.
 */
function faultsOf(dice: Dice, steps: number, powerLoss: boolean): Fault[] {
  const kinds = Array.from({ length: dice.between(1, 5) }, () => dice.pick(OFTEN));
  if (powerLoss) kinds.push("power loss");
  const count = dice.between(2, 20);
  const faults = Array.from({ length: count }, () => faultOf(dice, dice.pick(kinds), steps));
  for (let more = dice.below(3); more > 0; more--) {
    const [kind, moment] = dice.pick(RARE);
    faults.push({ at: dice.below(300), kind, moment });
  }
  // Early as well: before versions change, all workers are at work.
  for (let more = dice.below(4); more > 0; more--)
    faults.push({ at: dice.below(dice.chance(0.6) ? 60 : steps), kind: "change option", moment: null });
  const every = dice.pick([400, 800, 1_500]);
  for (let at = dice.below(every); at < steps; at += every) faults.push({ at, kind: "change version", moment: null });
  return faults.toSorted((a, b) => a.at - b.at).map((fault, index) => ({ index, ...fault }));
}

/** Downloads come early: most of what is to meet one has to be there by then. */
function faultOf(dice: Dice, kind: FaultKind, steps: number): Omit<Fault, "index"> {
  const moments = AT_MOMENTS[kind] ?? [];
  const moment = moments.length > 0 && dice.chance(0.75) ? dice.pick(moments) : null;
  const early = kind === "weather" || moment !== null ? 0.6 : 0.2;
  return { at: dice.below(dice.chance(early) ? 200 : steps), kind, moment };
}
