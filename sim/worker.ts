/** One thread of a run: takes jobs, gives what came of them. */
import { parentPort } from "node:worker_threads";
import { mutationNamed } from "./mutations/all.ts";
import { FOUND_BY } from "./mutations/found.ts";
import { runSeed, type Run } from "./run.ts";
import { cutShape, shrink, type Cut } from "./shrink.ts";
import { makeArchives } from "./world/archives.ts";
import { rememberKeys } from "./world/keys.ts";
import { shapeOf, type Settings } from "./world/plan.ts";

export type Job =
  /** Runs seeds one after another; `untilFound`: to the first that breaks a rule because of the mutation. */
  | {
      readonly kind: "run";
      readonly seeds: readonly number[];
      readonly settings: Settings;
      readonly mutation: string;
      readonly cut: Cut;
      readonly untilFound: boolean;
      readonly trace?: boolean;
    }
  | {
      readonly kind: "shrink";
      readonly seed: number;
      readonly settings: Settings;
      readonly mutation: string;
      readonly rule: string;
    };

export type Answer =
  | { readonly kind: "run"; readonly runs: readonly Run[] }
  | { readonly kind: "shrink"; readonly cut: Cut; readonly run: Run | null };

/** Versions that the mirrors of a world serve. */
export const VERSIONS = 4;

rememberKeys();
// Most errors are expected, and a stack costs more than what threw it.
Error.stackTraceLimit = 4;
const archives = makeArchives(VERSIONS);
/** A rejection that nobody awaits belongs to the seed that runs: it is told with it. */
let stray: string | null = null;
process.on("unhandledRejection", (error) => (stray ??= error instanceof Error ? (error.stack ?? "") : String(error)));

async function run(seed: number, settings: Settings, mutation: string, cut: Cut, trace = false): Promise<Run> {
  stray = null;
  const shape = cutShape(shapeOf(seed, settings), cut);
  const done = await runSeed(seed, shape, await archives, { mutation: mutationNamed(mutation), trace });
  return stray === null ? done : { ...done, violation: { rule: "no fault of ours", message: `unhandled: ${stray}` } };
}

export async function work(job: Job): Promise<Answer> {
  const { settings, mutation } = job;
  if (job.kind === "shrink") {
    const shape = shapeOf(job.seed, settings);
    const found = await shrink(shape, job.rule, (cut) => run(job.seed, settings, mutation, cut));
    return { kind: "shrink", ...found };
  }
  const runs: Run[] = [];
  for (const seed of job.seeds) {
    const done = await run(seed, settings, mutation, job.cut, job.trace);
    const broken = done.violation?.rule ?? null;
    const blamed = broken !== null && (!job.untilFound || (breaks(mutation, broken) && (await isWell(job, seed))));
    runs.push(blamed ? done : { ...done, violation: null });
    if (job.untilFound && blamed) break;
  }
  return { kind: "run", runs };
}

/** A mutation is found by a rule that it breaks, not by what comes of it. */
const breaks = (mutation: string, rule: string): boolean => FOUND_BY[mutation]?.rules.includes(rule) === true;

/** A seed that fails without the mutation as well says nothing of it. */
async function isWell({ settings, cut }: Extract<Job, { kind: "run" }>, seed: number): Promise<boolean> {
  return (await run(seed, settings, "none", cut)).violation === null;
}

parentPort?.on("message", (job: Job) => void work(job).then((answer) => parentPort?.postMessage(answer)));
