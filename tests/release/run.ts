/** Runs rows of the table, one after the other, on one deployment. */

import type { Row } from "./row.ts";
import { seconds, type World } from "./world.ts";

export interface Outcome {
  readonly id: string;
  readonly holds: boolean;
  /** What was seen, or why it does not hold. */
  readonly seen: string;
  readonly seconds: number;
}

const LIMIT = 300;

/** `told` gets each outcome as soon as it is known. A row that fails ends neither the others nor the run. */
export async function runRows(
  world: World,
  rows: readonly Row[],
  told: (row: Row, outcome: Outcome) => void,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const group of grouped(rows)) {
    const unsettled = await world.settled().then(
      () => null,
      (error: unknown) => (error as Error).message,
    );
    const run = async (row: Row): Promise<void> => {
      const outcome = await runRow(world, row, unsettled);
      outcomes.push(outcome);
      told(row, outcome);
    };
    await Promise.all(group.map(run));
  }
  return outcomes;
}

function grouped(rows: readonly Row[]): Row[][] {
  const groups: Row[][] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (row.group !== undefined && last?.[0]?.group === row.group) last.push(row);
    else groups.push([row]);
  }
  return groups;
}

/** `unsettled`: why the deployment is not ready for it. */
async function runRow(world: World, row: Row, unsettled: string | null): Promise<Outcome> {
  const began = performance.now();
  const { id } = row;
  try {
    if (unsettled !== null) throw new Error(`not tried: ${unsettled}`);
    const seen = await within(row.limit ?? LIMIT, row.run(world));
    return { id, holds: true, seen, seconds: seconds(began) };
  } catch (error) {
    return { id, holds: false, seen: (error as Error).message, seconds: seconds(began) };
  }
}

async function within<T>(limit: number, action: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not done within ${limit} s`)), limit * 1000);
  try {
    return await Promise.race([action, promise]);
  } finally {
    clearTimeout(timer);
  }
}
