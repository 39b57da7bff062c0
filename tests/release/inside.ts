/** The run itself, on the host of the test's own network. Told as JSON on the command line; stops when its input ends. */

import { release as kernelRelease } from "node:os";
import { UserError } from "../../src/errors.ts";
import { Tool } from "../e2e/tool.ts";
import { keep, markdown, OUTCOMES, type Run } from "./report.ts";
import { runRows, type Outcome } from "./run.ts";
import { TABLE } from "./table.ts";
import { World, type WorldOptions } from "./world.ts";

export interface Orders extends WorldOptions {
  /** Ids of the rows to run; null = all. */
  readonly rows: readonly string[] | null;
  /** Whether the outcomes are kept for the reference. */
  readonly record: boolean;
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function runTable(tool: Tool, orders: Orders): Promise<readonly Outcome[]> {
  const { release, to, machines } = orders;
  const rows = TABLE.filter(({ id }) => orders.rows?.includes(id) ?? true).filter(
    ({ upgrade }) => upgrade !== true || to !== undefined,
  );
  say(`Bringing up three units of ${release.version} (${machines})`);
  const world = await World.open(tool, orders);
  return runRows(world, rows, ({ name }, outcome) => {
    const { holds, seen, seconds } = outcome;
    say(`${holds ? "holds" : "FAILS"} ${String(seconds).padStart(7)} s  ${name}\n                 ${seen}`);
    // At once, so that a run that is interrupted was not in vain.
    if (orders.record) keep(OUTCOMES, runOf(orders, [outcome]));
  });
}

function runOf({ release, to, machines }: Orders, outcomes: readonly Outcome[]): Run {
  const date = new Date().toISOString().slice(0, 10);
  const [kernel = ""] = kernelRelease().split("-");
  return { version: release.version, to: to?.version ?? null, machines, date, kernel, outcomes };
}

async function main(orders: Orders): Promise<number> {
  const { release, machines } = orders;
  const tool = await Tool.create(`release-${release.version.replaceAll(".", "")}-${machines.slice(0, 2)}`, []);
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  process.stdin.on("close", () => reject(new UserError("interrupted"))).resume();
  try {
    const outcomes = await Promise.race([runTable(tool, orders), interrupted]);
    process.stdout.write(markdown(TABLE, [runOf(orders, outcomes)]));
    return outcomes.every(({ holds }) => holds) ? 0 : 1;
  } finally {
    say("Taking everything down");
    await tool.remove();
  }
}

try {
  const code = await main(JSON.parse(process.argv[2] ?? "") as Orders);
  // What still waits for an answer of machines that are gone keeps nobody here.
  process.exit(code);
} catch (error) {
  say(error instanceof UserError ? `test:release: ${error.message}` : ((error as Error).stack ?? String(error)));
  process.exit(2);
}
