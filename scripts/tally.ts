import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";

/** What a part of the test run came to; failed and skipped ones by name. */
export interface Tally {
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

/** The parts of vitest's JSON report (vitest 5, `--reporter=json`) that we read. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: "passed" | "failed";
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/**
 * Reads vitest's report. A file that could not be loaded counts as one failed test, and so does a run that ended badly
 * (`status` not 0) although nothing in it failed, or that left no report at all.
 */
export function readTally(project: string, file: string, status: number | null): Tally {
  if (!existsSync(file)) return { passed: 0, failed: [`${project}: vitest ended without a report`], skipped: [] };
  const { testResults } = JSON.parse(readFileSync(file, "utf8")) as Report;
  const named = (wanted: (status: string) => boolean): string[] =>
    testResults.flatMap((suite) =>
      suite.assertionResults
        .filter((test) => wanted(test.status))
        .map((test) => `${relative(process.cwd(), suite.name)}: ${test.fullName}`),
    );
  const passed = named((test) => test === "passed").length;
  const failed = named((test) => test === "failed");
  const broken = testResults.filter((suite) => suite.status === "failed" && !hasFailed(suite.assertionResults));
  failed.push(...broken.map((suite) => `${relative(process.cwd(), suite.name)}: the file itself`));
  if (status !== 0 && failed.length === 0) failed.push(`${project}: vitest ended with ${status ?? "a signal"}`);
  return { passed, failed, skipped: named((test) => test !== "passed" && test !== "failed") };
}

function hasFailed(tests: readonly { readonly status: string }[]): boolean {
  return tests.some((test) => test.status === "failed");
}

export function addTallies(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((sum, tally) => sum + tally.passed, 0),
    failed: tallies.flatMap((tally) => tally.failed),
    skipped: tallies.flatMap((tally) => tally.skipped),
  };
}
