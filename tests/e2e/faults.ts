/** One fault after another: what the status says, what goes on running, how long it takes to heal. */

import { deepEqual, ok } from "node:assert/strict";
import type { Concourse, Vitals } from "./concourse.ts";

/** Milliseconds from the end of a cause to the status that shows it. */
const HEALS_WITHIN = 15_000;
const LONGEST_MESSAGE = 120;

export interface Fault {
  readonly name: string;
  /** The unit whose status tells. */
  readonly unit: string;
  readonly cause: () => Promise<unknown>;
  /** Of `<status> <message>`. */
  readonly shows: RegExp;
  readonly remedy: () => Promise<unknown>;
  /** Of `<status> <message>` once the cause is gone. */
  readonly heals: RegExp;
  /** What runs on all the while, with the same process and from the same release: everything, unless this says less. */
  readonly goesOn?: "everything" | "workers" | "nothing";
}

export interface Figure {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  /** From the remedy's call to the status that shows it, milliseconds. */
  readonly ms: number;
}

/** Breaks something, and expects it to be named, survived and healed. It is put right also where that fails. */
export async function expectToHeal(concourse: Concourse, figures: Figure[], fault: Fault): Promise<void> {
  const before = running(await concourse.vitals(), fault);
  const { message, status } = await suffer(concourse, fault, before);
  const began = Date.now();
  await fault.remedy();
  await concourse.untilStatus(fault.unit, fault.heals, 4 * HEALS_WITHIN);
  const ms = Date.now() - began;
  figures.push({ name: fault.name, status, message, ms });
  ok(message.length <= LONGEST_MESSAGE, `${message.length} characters: ${message}`);
  ok(ms <= HEALS_WITHIN, `${fault.name} took ${ms} ms to heal`);
  deepEqual(running(await concourse.vitals(), fault), before);
}

async function suffer(concourse: Concourse, fault: Fault, before: unknown): Promise<Omit<Figure, "name" | "ms">> {
  try {
    await fault.cause();
    const seen = await concourse.untilStatus(fault.unit, fault.shows);
    deepEqual(running(await concourse.vitals(), fault), before);
    return seen;
  } catch (error) {
    await fault.remedy();
    throw error;
  }
}

function running(vitals: Readonly<Record<string, Vitals>>, { goesOn = "everything" }: Fault): unknown {
  if (goesOn === "everything") return vitals;
  if (goesOn === "nothing") return null;
  return Object.fromEntries(Object.entries(vitals).map(([unit, { worker, release }]) => [unit, { worker, release }]));
}

/** What was measured, a line a fault. */
export function table(figures: readonly Figure[]): string {
  return figures
    .map(({ name, status, message, ms }) => {
      const seconds = (ms / 1000).toFixed(1).padStart(5);
      return `${seconds} s  ${name}: ${status} "${message}"\n`;
    })
    .join("");
}
