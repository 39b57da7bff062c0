/**
 * Every error number at every file system call of an install, and of a clean-up, by the real agent: once, and lasting.
 * Each time the unit says what is wrong and what to do, nothing that was published is touched, nothing half is published,
 * and the work goes on by itself when it stops.
 */
import { CODES, Disturbed, type Code } from "./disturbed.ts";
import { works } from "./work.ts";

export interface ErrnoOptions {
  /** Each n-th call of each work. */
  readonly stride: number;
  /** The first of them, from 1 on. */
  readonly first?: number;
  readonly codes?: readonly Code[];
}

export interface ErrnoCounts {
  /** Calls of each work, undisturbed, by its name. */
  readonly calls: ReadonlyMap<string, number>;
  readonly cases: number;
  /** What units said, with how often. */
  readonly said: ReadonlyMap<string, number>;
  readonly violations: readonly string[];
}

export async function errnoSuite({ stride, first = 1, codes = CODES }: ErrnoOptions): Promise<ErrnoCounts> {
  const calls = new Map<string, number>();
  const said = new Map<string, number>();
  const violations: string[] = [];
  let cases = 0;
  for (const work of await works()) {
    const count = await new Disturbed(work, null).undisturbed();
    calls.set(work.name, count);
    for (let at = first; at <= count; at += stride) {
      for (const code of codes) {
        for (const lasting of [false, true]) {
          cases++;
          const one = new Disturbed(work, { at, code, lasting });
          for (const violation of await one.disturbed()) violations.push(`${one.text}: ${violation}`);
          for (const text of one.said) said.set(text, (said.get(text) ?? 0) + 1);
        }
      }
    }
  }
  return { calls, cases, said, violations };
}

export function showErrnos({ calls, cases, said, violations }: ErrnoCounts): string {
  const lines = [...said].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([text, count]) => `  ${count} × ${text}`);
  const what = [...calls].map(([name, count]) => `${name}: ${count} calls`).join(", ");
  return [`${what}; ${cases} cases, ${violations.length} violations; said:`, ...lines, ...violations].join("\n");
}
