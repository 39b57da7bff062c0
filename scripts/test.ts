/**
 * `npm test`: lint, format, types, dead code, unit tests, end-to-end tests, in this order, each shown as it runs. It
 * ends with one plain line, `N passed, N failed, N skipped`: vitest's tests, and a failed check counts as one failed.
 * With `CI=true` a skipped test fails the run. `--fast` leaves the end-to-end tests out.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureHostPackages } from "./host-packages.mjs";
import { addTallies, readTally, type Tally } from "./tally.ts";

const checks: readonly (readonly [name: string, ...argv: string[]])[] = [
  ["lint", "oxlint", "--deny-warnings"],
  ["format", "oxfmt", "--check", "."],
  ["types", "tsc", "--project", "."],
  ["dead code", "knip"],
];

function runCheck(name: string, argv: readonly string[]): Tally {
  heading(name);
  const [command = "", ...args] = argv;
  const ok = spawnSync(command, args, { stdio: "inherit" }).status === 0;
  return { passed: 0, failed: ok ? [] : [`check "${name}" (${argv.join(" ")})`], skipped: [] };
}

function runTests(project: string, directory: string): Tally {
  heading(`${project} tests`);
  const report = join(directory, `${project}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const { status } = spawnSync("vitest", ["run", "--project", project, ...reporters], { stdio: "inherit" });
  return readTally(project, report, status);
}

function heading(name: string): void {
  process.stdout.write(`\n── ${name} ──\n`);
}

function listed(title: string, names: readonly string[]): string {
  return names.length === 0 ? "" : `\n${title}:\n${names.map((name) => `  ${name}\n`).join("")}`;
}

function main(fast: boolean): number {
  const directory = mkdtempSync(join(tmpdir(), "concourse-machine-test-"));
  try {
    const tallies = checks.map(([name, ...argv]) => runCheck(name, argv));
    const missing = ensureHostPackages((line) => process.stdout.write(`\n${line}\n`), true);
    if (missing !== null) process.stdout.write(`\n${missing}\n`);
    tallies.push(runTests("unit", directory));
    if (!fast) tallies.push(runTests("e2e", directory));
    const { passed, failed, skipped } = addTallies(tallies);
    const skippedFails = process.env["CI"] === "true" && skipped.length > 0;
    process.stdout.write(listed("Failed", failed));
    process.stdout.write(listed(skippedFails ? "Skipped, which fails a run with CI=true" : "Skipped", skipped));
    process.stdout.write(`\n${passed} passed, ${failed.length} failed, ${skipped.length} skipped\n`);
    return failed.length > 0 || skippedFails ? 1 : 0;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const [option, ...more] = process.argv.slice(2);
if (more.length > 0 || (option !== undefined && option !== "--fast")) {
  process.stderr.write(`npm test knows --fast and nothing else; one file: npm run test:e2e -- <part of its path>\n`);
  process.exitCode = 2;
} else {
  process.exitCode = main(option === "--fast");
}
