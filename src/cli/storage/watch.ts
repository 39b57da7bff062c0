/** `storage attach --watch`: attaches units as they are added. */

import { setTimeout as pause } from "node:timers/promises";
import { UserError } from "../../errors.ts";
import { attachMissing, type Job, type Outcome, type World } from "./attach.ts";

/** Milliseconds between two looks. Juju's client has no way to be told of a change: `juju status --watch` polls as well. */
const LOOK_EVERY = 5000;

/**
 * Looks until the signal is raised, and tells what is new. What goes wrong in between (no controller, no daemon) is said
 * once and tried again. Units are not asked what they see: each question leaves a record in Juju, and one that is being
 * installed would be waited for while others want their directory. `storage status` asks.
 */
export async function watch(world: World, job: Job, signal: AbortSignal, every = LOOK_EVERY): Promise<void> {
  let told: ReadonlyMap<string, Outcome> = new Map();
  let trouble = "";
  while (!signal.aborted) {
    try {
      told = await lookOnce(world, job, told);
      trouble = "";
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (error.message !== trouble) world.say(`${error.message} (trying again every ${every / 1000} s)`);
      trouble = error.message;
    }
    await pause(every, undefined, { signal }).catch(() => undefined);
  }
}

/** @returns what every unit has been told of */
async function lookOnce(world: World, job: Job, told: ReadonlyMap<string, Outcome>): Promise<Map<string, Outcome>> {
  const { outcomes } = await attachMissing(world, job);
  for (const outcome of outcomes)
    if (isNews(outcome, told.get(outcome.unit))) world.say(`${outcome.unit}: ${outcome.text}`);
  return new Map(outcomes.map((outcome) => [outcome.unit, outcome]));
}

function isNews(outcome: Outcome, before: Outcome | undefined): boolean {
  const settled = before?.ok === true && outcome.ok && !outcome.changed;
  return !settled && outcome.text !== before?.text;
}
