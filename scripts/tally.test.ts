import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { addTallies, readTally } from "./tally.ts";

const directory = mkdtempSync(join(tmpdir(), "concourse-machine-tally-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const test_ = (fullName: string, status: string) => ({ fullName, status });

function report(...suites: readonly { name: string; status: string; assertionResults: unknown[] }[]): string {
  const file = join(directory, "report.json");
  const testResults = suites.map((suite) => ({ ...suite, name: resolve(suite.name) }));
  writeFileSync(file, JSON.stringify({ testResults }));
  return file;
}

const mixed = {
  name: "a.test.ts",
  status: "failed",
  assertionResults: [test_("one", "passed"), test_("two", "failed"), test_("three", "skipped"), test_("four", "todo")],
};
const broken = { name: "b.test.ts", status: "failed", assertionResults: [] };
const good = { name: "c.test.ts", status: "passed", assertionResults: [test_("one", "passed")] };

test.each([
  {
    what: "tests by their result",
    suites: [mixed, good],
    status: 1,
    passed: 2,
    failed: ["a.test.ts: two"],
    skipped: ["a.test.ts: three", "a.test.ts: four"],
  },
  {
    what: "a file that does not load as one failed",
    suites: [broken, good],
    status: 1,
    passed: 1,
    failed: ["b.test.ts: the file itself"],
    skipped: [],
  },
  {
    what: "a bad end without a failed test as one failed",
    suites: [good],
    status: 1,
    passed: 1,
    failed: ["unit: vitest ended with 1"],
    skipped: [],
  },
  { what: "a good run", suites: [good], status: 0, passed: 1, failed: [], skipped: [] },
])("counts $what", ({ suites, status, passed, failed, skipped }) => {
  expect(readTally("unit", report(...suites), status)).toEqual({ passed, failed, skipped });
});

test("counts a run without a report as one failed", () => {
  expect(readTally("e2e", join(directory, "none.json"), null).failed).toEqual(["e2e: vitest ended without a report"]);
});

test("adds up", () => {
  const one = { passed: 1, failed: ["a"], skipped: [] };
  const two = { passed: 2, failed: ["b"], skipped: ["c"] };
  expect(addTallies([one, two])).toEqual({ passed: 3, failed: ["a", "b"], skipped: ["c"] });
});
