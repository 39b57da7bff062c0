/** `storage attach --watch`: attaches units as they are added. */

import { setTimeout as pause } from "node:timers/promises";
import { UserError } from "../../errors.ts";
import { attachMissing, withAnswers, type Job, type Outcome, type World } from "./attach.ts";

/** Milliseconds between two looks. Juju's client has no way to be told of a change: `juju status --watch` polls as well. */
const LOOK_EVERY = 5000;

/**
 * Looks until the signal is raised, and tells what is new. What goes wrong in between (no controller, no daemon) is said
 * once and tried again. Units are asked what they see once, when they are attached: an action leaves a record in Juju.
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
  const { seen, outcomes } = await attachMissing(world, job);
  const news = outcomes.filter((outcome) => isNews(outcome, told.get(outcome.unit)));
  const answered = await withAnswers(world, job, seen, news);
  for (const { unit, text } of answered) world.say(`${unit}: ${text}`);
  return new Map(outcomes.map((outcome) => [outcome.unit, outcome]));
}

function isNews(outcome: Outcome, before: Outcome | undefined): boolean {
  const settled = before?.ok === true && outcome.ok && !outcome.changed;
  return !settled && outcome.text !== before?.text;
}
