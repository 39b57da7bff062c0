/** One seed from its beginning to its end. */
import { createHash } from "node:crypto";
import { Violation } from "./check/violation.ts";
import { NONE, type Mutation } from "./mutations/mutation.ts";
import type { Archives } from "./world/archives.ts";
import type { Shape } from "./world/plan.ts";
import { World } from "./world/world.ts";

export interface Run {
  readonly seed: number;
  readonly steps: number;
  /** Events that the charm was run for after the faults had stopped. */
  readonly eventsToSettle: number;
  readonly downloads: number;
  readonly situations: ReadonlyMap<string, number>;
  readonly violation: { readonly rule: string; readonly message: string } | null;
  /** Of every step's time, actor and call, where a trace was asked for. */
  readonly trace: string | null;
}

export interface RunOptions {
  readonly mutation?: Mutation;
  readonly trace?: boolean;
  /** Told of every step. */
  readonly watch?: (line: string) => void;
  /** Told of the world when all is over. */
  readonly done?: (world: World) => void;
}

/** Once faults stop, every unit gets there within so many runs of its charm. */
const MOST_EVENTS = 150;
const MOST_STEPS = 60_000;

export async function runSeed(
  seed: number,
  shape: Shape,
  archives: Archives,
  { mutation = NONE, trace = false, watch, done }: RunOptions = {},
): Promise<Run> {
  const world = new World(seed, shape, archives, mutation);
  const { scheduler } = world;
  const hash = createHash("sha256");
  if (trace || watch !== undefined) {
    scheduler.observe = ({ name }, what) => {
      const line = `${scheduler.steps} ${scheduler.steady.toFixed(3)} ${name} ${what}\n`;
      hash.update(line);
      watch?.(line.trimEnd());
    };
  }
  const end = (violation: Run["violation"], eventsToSettle = 0): Run => {
    done?.(world);
    const { situations, network } = world;
    const digest = trace ? hash.digest("hex") : null;
    return {
      seed,
      steps: scheduler.steps,
      eventsToSettle,
      downloads: network.begun,
      situations,
      violation,
      trace: digest,
    };
  };
  try {
    for (const ready of world.headStart()) {
      await scheduler.run(() => {
        world.checks.step();
        return ready() || scheduler.steps > MOST_STEPS;
      });
    }
    world.storm.begin();
    await scheduler.run(() => {
      world.step();
      return world.storm.isOver;
    });
    world.calm();
    const before = hooksOf(world);
    const limit = scheduler.steps + MOST_STEPS;
    const patience = scheduler.steps + 5_000;
    const most = () => Math.max(...world.living().map((unit) => unit.hooksRun - (before.get(unit.name) ?? 0)));
    await scheduler.run(() => {
      world.step();
      // What is left is a matter of patience: the same in fewer looks.
      if (scheduler.steps === patience) scheduler.pace = { ...scheduler.pace, oversleep: 10_000 };
      return world.settled() || scheduler.steps > limit || (scheduler.steps % 64 === 0 && most() > MOST_EVENTS);
    });
    world.close();
    if (world.settled()) return end(null, most());
    const late = world.living().map((unit) => `${unit.name} ${unit.juju.status.status} ${unit.juju.status.message}`);
    return end({ rule: "once faults stop every unit reaches the target", message: late.join("; ") });
  } catch (error) {
    if (error instanceof Violation) return end({ rule: error.rule, message: error.message });
    return end({ rule: "no fault of ours", message: error instanceof Error ? (error.stack ?? "") : String(error) });
  }
}

function hooksOf(world: World): Map<string, number> {
  return new Map(world.units.map(({ name, hooksRun }) => [name, hooksRun]));
}
