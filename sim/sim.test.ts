/** A fixed set of seeds and a fresh one, with a lock that works and one that does not; traces that repeat; mutations. */
import { availableParallelism } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readArguments } from "./arguments.ts";
import { MUTATIONS } from "./mutations/all.ts";
import { FOUND_BY } from "./mutations/found.ts";
import { openPool, type Pool } from "./pool.ts";
import { commandOf, hunt, runSeeds, type Total } from "./report.ts";
import { WHOLE } from "./shrink.ts";
import { versionsInARow } from "./versions.ts";
import type { Settings } from "./world/plan.ts";

/** Half a minute's worth on two processors: `npm run test:long` runs ten thousand. */
const SEEDS = 100;
const LOCKED: Settings = { units: [2, 8], lock: true };
const UNLOCKED: Settings = { units: [2, 8], lock: false };
const MINUTES = 60_000;

let pool: Pool;
beforeAll(() => {
  pool = openPool(Math.min(2, availableParallelism()));
});
afterAll(() => pool.close());

/** Seeds that broke a rule, as one would replay them. */
const failures = (total: Total, settings: Settings): string[] =>
  total.failed.map(
    ({ seed, violation }) => `${violation?.rule}: ${violation?.message} (${commandOf(seed, settings, "none", WHOLE)})`,
  );

describe.each([
  ["a lock that works", LOCKED],
  ["a lock that always says yes", UNLOCKED],
])("with %s", (_, settings) => {
  test("no rule is broken from a fixed set of seeds", { timeout: 20 * MINUTES }, async () => {
    const total = await runSeeds(pool, { from: 1, seeds: SEEDS, settings });
    expect(failures(total, settings)).toEqual([]);
    expect(total.fewestSteps).toBeGreaterThanOrEqual(500);
  });

  test("no rule is broken from a fresh set of seeds", { timeout: 20 * MINUTES }, async () => {
    const from = 1_000_000 + Math.floor(Math.random() * 1_000_000_000);
    process.stdout.write(`Seeds ${from} to ${from + SEEDS - 1}\n`);
    const total = await runSeeds(pool, { from, seeds: SEEDS, settings });
    expect(failures(total, settings)).toEqual([]);
  });
});

test(
  "a seed is one course of events: run twice, a hundred give the same traces",
  { timeout: 20 * MINUTES },
  async () => {
    const seeds = Array.from({ length: 100 }, (_, index) => 5_001 + index);
    const settings: Settings = { units: [2, 3], lock: true };
    const job = { kind: "run", seeds, settings, mutation: "none", cut: { ...WHOLE, steps: 600 }, trace: true } as const;
    const [first, second] = await Promise.all([0, 1].map(() => pool.run({ ...job, untilFound: false })));
    const traces = (answer: typeof first) => (answer?.kind === "run" ? answer.runs.map(({ trace }) => trace) : []);
    expect(traces(first)).toHaveLength(100);
    expect(new Set(traces(first)).size).toBe(100);
    expect(traces(second)).toEqual(traces(first));
  },
);

test("thirty versions in a row: each is downloaded once, and two are kept", { timeout: 20 * MINUTES }, async () => {
  const { problem, downloads, mostReleases, mostEver } = await versionsInARow(1, 30);
  expect({ problem, downloads, mostReleases, mostEver }).toEqual({
    problem: null,
    downloads: 30,
    mostReleases: 2,
    mostEver: 3,
  });
});

test("a seed that fails shrinks, and the command that is printed replays it", { timeout: 20 * MINUTES }, async () => {
  const [seed, mutation, rule] = [1, "install-in-place", "only what was verified is published"];
  const answer = await pool.run({ kind: "shrink", seed, settings: LOCKED, mutation, rule });
  if (answer.kind !== "shrink" || answer.run === null) throw new Error("nothing smaller was found");
  const [, , , , ...argv] = commandOf(seed, LOCKED, mutation, answer.cut).split(" ");
  const command = readArguments(argv, { suites: [], mutations: [mutation] });
  expect(command).toEqual({ do: "replay", seed, settings: LOCKED, mutation, cut: answer.cut });
  const job = { kind: "run", seeds: [seed], settings: LOCKED, mutation, cut: answer.cut, untilFound: false } as const;
  const again = await pool.run(job);
  expect(again.kind === "run" ? again.runs : []).toEqual([answer.run]);
});

describe("a planted fault is found", () => {
  test("by a rule of its own", () => {
    expect(Object.keys(FOUND_BY).toSorted()).toEqual(MUTATIONS.map(({ name }) => name).toSorted());
  });

  test.each(MUTATIONS)("$name", { timeout: 20 * MINUTES }, async ({ name }) => {
    const { took } = await hunt(pool, name, { from: FOUND_BY[name]?.seed ?? 1, seeds: 2_000, settings: LOCKED });
    expect(took).not.toBeNull();
  });
});
