/** Many seeds on all processors, and what is said of them. */
import { mutationNamed } from "./mutations/all.ts";
import { openPool, type Pool } from "./pool.ts";
import { runSeed, type Run } from "./run.ts";
import { cutShape, WHOLE, type Cut } from "./shrink.ts";
import { missing, SITUATIONS } from "./situations.ts";
import { VERSIONS, type Answer } from "./worker.ts";
import { makeArchives } from "./world/archives.ts";
import { rememberKeys } from "./world/keys.ts";
import { shapeOf, type Settings } from "./world/plan.ts";

export interface Options {
  readonly from: number;
  readonly seeds: number;
  readonly settings: Settings;
  readonly json: boolean;
}

/** What came of many seeds. */
export interface Total {
  readonly seeds: number;
  readonly steps: number;
  readonly fewestSteps: number;
  readonly mostEventsToSettle: number;
  readonly downloads: number;
  readonly situations: ReadonlyMap<string, number>;
  readonly failed: readonly Run[];
}

/** Seeds that a thread is given at a time. */
const CHUNK = 20;
/** Enough to see what is wrong. */
const MOST_FAILURES = 5;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Runs seeds; stops when enough of them have failed. */
export async function runSeeds(pool: Pool, { from, seeds, settings }: Omit<Options, "json">): Promise<Total> {
  const situations = new Map<string, number>();
  const failed: Run[] = [];
  const sum = { seeds: 0, steps: 0, fewestSteps: Number.POSITIVE_INFINITY, mostEventsToSettle: 0, downloads: 0 };
  let next = from;
  const one = async (): Promise<void> => {
    while (next < from + seeds && failed.length < MOST_FAILURES) {
      const first = next;
      next += CHUNK;
      const length = Math.min(CHUNK, from + seeds - first);
      const chunk = Array.from({ length }, (_, index) => first + index);
      const job = { kind: "run", seeds: chunk, settings, mutation: "none", cut: WHOLE, untilFound: false } as const;
      for (const run of runsOf(await pool.run(job))) {
        sum.seeds += 1;
        sum.steps += run.steps;
        sum.fewestSteps = Math.min(sum.fewestSteps, run.steps);
        sum.mostEventsToSettle = Math.max(sum.mostEventsToSettle, run.eventsToSettle);
        sum.downloads += run.downloads;
        for (const [name, times] of run.situations) situations.set(name, (situations.get(name) ?? 0) + times);
        if (run.violation !== null) failed.push(run);
      }
    }
  };
  await Promise.all(Array.from({ length: pool.size }, one));
  return { ...sum, situations, failed };
}

function runsOf(answer: Answer): readonly Run[] {
  return answer.kind === "run" ? answer.runs : [];
}

export async function runMany(options: Options): Promise<number> {
  const began = performance.now();
  const pool = openPool();
  try {
    const total = await runSeeds(pool, options);
    const seldom = missing(total.situations, total.seeds);
    const seconds = Math.round((performance.now() - began) / 1000);
    if (options.json)
      print(JSON.stringify({ ...total, situations: Object.fromEntries(total.situations), seldom, seconds }));
    else tell(total, seldom, seconds);
    for (const run of total.failed) await explain(pool, run, options.settings, "none");
    return total.failed.length + seldom.length > 0 ? 1 : 0;
  } finally {
    await pool.close();
  }
}

function tell(total: Total, seldom: readonly string[], seconds: number): void {
  for (const name of SITUATIONS) print(`${String(total.situations.get(name) ?? 0).padStart(8)}  ${name}`);
  print(
    `${total.seeds} seeds, ${total.steps} steps (${total.fewestSteps} at least), ${total.downloads} downloads, settled within ${total.mostEventsToSettle} events, ${total.failed.length} violations, ${seconds} s`,
  );
  if (seldom.length > 0) print(`Met too seldom: ${seldom.join("; ")}`);
}

/** Prints a seed that broke a rule, and how to see it again, cut down. */
async function explain(
  pool: Pool,
  { seed, steps, violation }: Run,
  settings: Settings,
  mutation: string,
): Promise<void> {
  if (violation === null) return;
  print(`\nSeed ${seed}, step ${steps}: ${violation.rule}: ${violation.message}`);
  print(`  ${commandOf(seed, settings, mutation, WHOLE)}`);
  const answer = await pool.run({ kind: "shrink", seed, settings, mutation, rule: violation.rule });
  if (answer.kind === "shrink" && answer.run !== null)
    print(`  smaller: ${commandOf(seed, settings, mutation, answer.cut)}`);
}

/** For a seed that was replayed as a whole. */
async function printSmaller(run: Run, settings: Settings, mutation: string): Promise<void> {
  const pool = openPool(1);
  try {
    await explain(pool, run, settings, mutation);
  } finally {
    await pool.close();
  }
}

export function commandOf(seed: number, { units, lock }: Settings, mutation: string, cut: Cut): string {
  return [
    `npm run sim -- --seed ${seed} --units ${units.join("..")}`,
    ...(lock ? [] : ["--no-lock"]),
    ...(mutation === "none" ? [] : [`--mutation ${mutation}`]),
    ...(cut.faults === null ? [] : [`--faults ${cut.faults.join(",")}`]),
    ...(cut.steps === null ? [] : [`--steps ${cut.steps}`]),
    ...(cut.units === null ? [] : [`--most-units ${cut.units}`]),
  ].join(" ");
}

export interface Hunt {
  readonly name: string;
  /** Seeds it took; null if it was not found. */
  readonly took: number | null;
  readonly rule: string;
}

/** Switches each mutation on alone and looks how many seeds it takes to find it. */
export async function hunt(pool: Pool, name: string, { from, seeds, settings }: Omit<Options, "json">): Promise<Hunt> {
  const all = Array.from({ length: seeds }, (_, index) => from + index);
  const job = { kind: "run", seeds: all, settings, mutation: name, cut: WHOLE, untilFound: true } as const;
  const runs = runsOf(await pool.run(job));
  const last = runs.at(-1);
  const found = last?.violation ?? null;
  return found === null ? { name, took: null, rule: "" } : { name, took: runs.length, rule: found.rule };
}

export async function huntMutations(
  mutations: readonly { readonly name: string }[],
  options: Options,
): Promise<number> {
  const pool = openPool();
  try {
    const hunts = await Promise.all(
      mutations.map(async ({ name }) => {
        const found = await hunt(pool, name, options);
        if (!options.json) print(`${String(found.took ?? "never").padStart(6)}  ${name}: ${found.rule}`);
        return found;
      }),
    );
    if (options.json) print(JSON.stringify(hunts));
    const lost = hunts.filter(({ took }) => took === null);
    print(`${hunts.length - lost.length} of ${hunts.length} mutations found`);
    return lost.length > 0 ? 1 : 0;
  } finally {
    await pool.close();
  }
}

/** One seed with every step of it. */
export async function replay(seed: number, settings: Settings, mutation: string, cut: Cut): Promise<number> {
  rememberKeys();
  const shape = cutShape(shapeOf(seed, settings), cut);
  const run = await runSeed(seed, shape, await makeArchives(VERSIONS), {
    mutation: mutationNamed(mutation),
    trace: true,
    watch: print,
    done: (world) => {
      print("\nFaults:");
      for (const { index, at, kind, moment } of shape.faults)
        print(`  ${index}: step ${at} ${kind}${moment === null ? "" : `, when ${moment}`}`);
      print("\nLog of charm and agents:");
      for (const line of world.checks.log) print(`  ${line}`);
    },
  });
  const { violation, steps, trace } = run;
  print(
    violation === null ? `\n${steps} steps, no violation` : `\nStep ${steps}: ${violation.rule}: ${violation.message}`,
  );
  print(`trace ${trace}`);
  if (violation === null) return 0;
  if (cut.faults === null && cut.steps === null && cut.units === null) await printSmaller(run, settings, mutation);
  return 1;
}
