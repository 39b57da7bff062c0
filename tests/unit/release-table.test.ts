/** How outcomes of the conformance table are kept and shown. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keep, markdown, readRuns, type Run } from "../release/report.ts";
import type { Outcome } from "../release/run.ts";
import { TABLE } from "../release/table.ts";

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "release-table-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const run = (version: string, machines: string, ...outcomes: Outcome[]): Run => ({
  version,
  to: null,
  machines,
  date: "2026-12-01",
  kernel: "6.8",
  outcomes,
});
const outcome = (id: string, seen: string, holds = true): Outcome => ({ id, holds, seen, seconds: 1.4 });

test("ids are unique, and rows of one group stand together", () => {
  expect(new Set(TABLE.map(({ id }) => id)).size).toBe(TABLE.length);
  const groups = TABLE.map(({ group }) => group).filter((group, i, all) => group !== undefined && group !== all[i - 1]);
  expect(new Set(groups).size).toBe(groups.length);
});

test("a later run replaces what it has tried, and nothing else", () => {
  const path = join(directory, "outcomes.json");
  keep(path, run("8.2.5", "incus", outcome("a", "first"), outcome("b", "first")));
  keep(path, run("7.14.3", "namespaces", outcome("a", "other")));
  keep(path, run("8.2.5", "incus", outcome("b", "second")));
  const runs = readRuns(path);
  expect(runs.map(({ version, outcomes }) => [version, ...outcomes.map(({ seen }) => seen)])).toEqual([
    ["7.14.3", "other"],
    ["8.2.5", "first", "second"],
  ]);
});

test("one column a run, and what was seen told once where it was the same", () => {
  const rows = ["a", "b"].map((id) => ({ id, name: `Row ${id}`, run: async () => "" }));
  const runs = [
    run("7.14.3", "namespaces", outcome("a", "x | y"), outcome("b", "one")),
    run("8.2.5", "namespaces", outcome("a", "x | y"), outcome("b", "two", false)),
  ];
  const text = markdown(rows, runs);
  expect(text).toContain("| Row a | holds, 1 s | holds, 1 s |");
  expect(text).toContain("| Row b | holds, 1 s | **does not hold**, 1 s |");
  expect(text).toContain("| Row a | x \\| y |");
  expect(text).toContain("| Row b | 7.14.3 namespaces: one<br>8.2.5 namespaces: **does not hold:** two |");
});
