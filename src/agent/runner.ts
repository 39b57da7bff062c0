/** Keeps one task running for what it is ordered to do now. */
import { isDeepStrictEqual } from "node:util";
import type { Clock, Random } from "../ports.ts";
import { backoff } from "../store/retry.ts";
import type { Orders, Problem } from "./contract.ts";
import { knownProblem, retryOf } from "./fault.ts";
import type { Findings } from "./findings.ts";

/**
 * A small level-triggered job. What it needs of orders and findings is one value: as long as that stays the same, its
 * steps run one after another; when it changes, the task is given up and begun anew; while it is null, nothing runs.
 */
export interface Task<Needs = unknown> {
  readonly name: string;
  /** Plain data or null; compared by its contents. Undefined: not known yet, leave all as it is. */
  readonly needs: (orders: Orders, findings: Findings) => Needs | null | undefined;
  /** Makes the step for these needs; what it must remember between steps lives in the closure. */
  readonly begin: (needs: Needs) => Step;
  /** What is true when there is nothing to do. */
  readonly rest: Partial<Findings>;
}

/** Resolves to the milliseconds until the next step, null if there is none until the needs change. Throws problems. */
export type Step = (io: TaskIo) => Promise<number | null>;

export interface TaskIo {
  readonly signal: AbortSignal;
  readonly report: (findings: Partial<Findings>) => void;
  /** The task's own problem while a step goes on; a step that ends well clears it, one that throws sets it. */
  readonly problem: (problem: Problem | null) => void;
}

export interface RunnerWorld {
  readonly clock: Clock;
  readonly random: Random;
  /** Takes over findings of a task; `problem` undefined leaves its problem as it is. */
  readonly merge: (task: string, findings: Partial<Findings>, problem?: Problem | null) => void;
  /** An error nobody foresaw. */
  readonly unforeseen: (task: string, error: unknown) => void;
}

export interface Runner {
  /** Adapts to orders and findings. Cheap if nothing has changed for this task. */
  readonly evaluate: (orders: Orders, findings: Findings) => void;
  /** Gives up; resolves once nothing of the task runs any more. Findings stay as they are. */
  readonly stop: () => Promise<void>;
}

export function createRunner(task: Task, world: RunnerWorld): Runner {
  /** Undefined: nothing yet, or given up. */
  let wanted: unknown;
  let life: AbortController | null = null;
  let settled = Promise.resolve();

  function evaluate(orders: Orders, findings: Findings): void {
    const needs = task.needs(orders, findings);
    if (needs === undefined) return;
    if (isDeepStrictEqual(needs, wanted)) return;
    wanted = needs;
    life?.abort();
    life = null;
    if (needs === null) {
      world.merge(task.name, task.rest, null);
      return;
    }
    const mine = new AbortController();
    life = mine;
    settled = settled.then(() => live(needs, mine.signal));
  }

  async function live(needs: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const step = task.begin(needs);
    const io: TaskIo = {
      signal,
      report: (findings) => merge(findings),
      problem: (problem) => merge({}, problem),
    };
    const merge = (findings: Partial<Findings>, problem?: Problem | null) => {
      if (!signal.aborted) world.merge(task.name, findings, problem);
    };
    let failures = 0;
    while (!signal.aborted) {
      let pause: number | null;
      try {
        pause = await step(io);
        failures = 0;
        merge({}, null);
      } catch (error) {
        if (signal.aborted) return;
        const known = knownProblem(error);
        if (known === null) world.unforeseen(task.name, error);
        merge({}, known ?? unforeseenProblem(task.name));
        failures += 1;
        pause = retryOf(error) ?? backoff(failures, world.random.fraction());
      }
      if (pause === null) return;
      await world.clock.sleep(pause, signal);
    }
  }

  return {
    evaluate,
    stop: () => {
      wanted = undefined;
      life?.abort();
      life = null;
      return settled;
    },
  };
}

function unforeseenProblem(task: string): Problem {
  return {
    code: "agent-fault",
    message: `Agent task ${task} failed, trying again: see journalctl -u concourse-agent`,
    blocked: false,
  };
}
