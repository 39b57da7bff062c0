/** Asks units what they see of the store, and puts it into words. */

import { setTimeout as pause } from "node:timers/promises";
import type { Answer } from "./juju-client.ts";

/** What a unit sees, by its action `storage-status`. */
export interface View {
  readonly mounted: boolean;
  /** Id of the store; null if there is none. */
  readonly id: string | null;
  /** It opened the store and looked into it: whatever problem there is, it is none of the mount. */
  readonly opened: boolean;
  readonly problem: string | null;
}

export type AskUnit = (unit: string) => Promise<Answer>;

/** Units asked at the same time. */
const LANES = 4;
/** Milliseconds until a unit that sees no store yet is asked again. */
const AGAIN = 2000;

/** Each unit's answer, in the order of the units. */
export async function askAll(units: readonly string[], ask: AskUnit): Promise<Map<string, Answer>> {
  const waiting = [...units];
  const answers = new Map<string, Answer>();
  const lane = async (): Promise<void> => {
    for (let unit = waiting.shift(); unit !== undefined; unit = waiting.shift()) answers.set(unit, await ask(unit));
  };
  await Promise.all(Array.from({ length: Math.min(LANES, units.length) }, lane));
  return new Map(units.map((unit) => [unit, answers.get(unit) ?? { silence: "not asked" }]));
}

/**
 * Asks until every unit sees a store, or the time is over: a unit whose leader has still to set the store up says so first.
 * @param patience milliseconds
 */
export async function askUntilSeen(
  units: readonly string[],
  ask: AskUnit,
  patience: number,
): Promise<Map<string, Answer>> {
  const end = performance.now() + patience;
  const answers = new Map<string, Answer>();
  let left = units;
  for (;;) {
    for (const [unit, answer] of await askAll(left, ask)) answers.set(unit, answer);
    left = left.filter((unit) => !isSeen(answers.get(unit)));
    if (left.length === 0 || performance.now() + AGAIN > end) return answers;
    await pause(AGAIN);
  }
}

export function viewOf({ results }: { readonly results: Readonly<Record<string, unknown>> }): View {
  const text = (key: string): string | null => {
    const value = String(results[key] ?? "none");
    return value === "none" ? null : value;
  };
  const mounted = String(results["mounted"]) === "true";
  return { mounted, id: text("id"), opened: results["releases"] !== undefined, problem: text("problem") };
}

export function isSeen(answer: Answer | undefined): boolean {
  if (answer === undefined || "silence" in answer) return false;
  const { mounted, id, opened } = viewOf(answer);
  return mounted && id !== null && opened;
}

/** In a few words. */
export function described(answer: Answer): string {
  if ("silence" in answer) return answer.asked ? answer.silence : `not asked: ${answer.silence}`;
  const { mounted, id, problem } = viewOf(answer);
  if (isSeen(answer)) return problem === null ? `store ${id}` : `store ${id}; ${problem}`;
  return problem ?? (mounted ? "the store is not set up yet" : "not mounted");
}
