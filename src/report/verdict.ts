/** What a check finds, and the words for what it saw. */

import type { Evidence, UnitLook } from "./evidence.ts";
import type { Check } from "./types.ts";

export type Result = Pick<Check, "holds" | "evidence">;

/** Of the archive's or the release's size: what small files around it may take. */
export const TOLERANCE = 1.02;

export const seen = (holds: boolean, evidence: string): Result => ({ holds, evidence });
export const unchecked = (why: string): Result => ({ holds: null, evidence: why });

export function everyUnit(
  looks: Evidence["looks"],
  isRight: (look: UnitLook) => boolean,
  describe: (look: UnitLook) => string,
  what: string,
): Result {
  const all = Object.values(looks);
  return seen(all.length > 0 && all.every(isRight), describeSame(what, looks, describe));
}

/** One value for all units, or each unit's. */
export function describeSame(what: string, looks: Evidence["looks"], describe: (look: UnitLook) => string): string {
  const values = Object.entries(looks).map(([unit, look]) => [unit, describe(look)] as const);
  const different = new Set(values.map(([, value]) => value));
  const [only] = different;
  if (only === undefined) return `${what}: no unit could be looked into`;
  if (different.size === 1) return `${what}: ${only || "none"} in all ${values.length} units`;
  return `${what}: ${values.map(([unit, value]) => `${unit} ${value || "none"}`).join(", ")}`;
}
