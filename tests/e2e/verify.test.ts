/** `verify` replays the deployment on shared storage, every check holds, and it leaves nothing behind however it ends. */

import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { standInArchive } from "../../standin/archive.ts";
import type { Report } from "../../src/report/types.ts";
import { Tool } from "./tool.ts";

const PROGRAM = join(import.meta.dirname, "../../src/cli/main.ts");

let tool: Tool;
beforeEach(async () => {
  tool = await Tool.create("mine");
});
afterEach(() => tool.remove());

function start(...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [PROGRAM, "verify", "--machines", "namespaces", ...args], {
    env: { ...process.env, CONCOURSE_MACHINE_DATA: tool.data },
    cwd: tool.directory,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Resolves when the program has said so on standard error. */
function said(child: ChildProcessByStdio<null, Readable, Readable>, words: string): Promise<void> {
  let text = "";
  return new Promise((resolve, reject) => {
    child.stderr.on("data", (chunk) => (text += String(chunk)).includes(words) && resolve());
    child.once("close", () => reject(new Error(`verify ended without "${words}": ${text}`)));
  });
}

/** Processes that name our directory, apart from this test's own. */
function processesLeft(): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && pid !== String(process.pid))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(tool.directory);
      } catch {
        return false;
      }
    });
}

function expectNothingOf(models: readonly string[]): void {
  const directory = join(tool.data, "models");
  expect(existsSync(directory) ? readdirSync(directory) : []).toEqual(models);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(join(directory, "verify-"));
}

test("every check holds, everything is measured, and both reports say so", async () => {
  await tool.ok("add-model", "mine");
  const { code, stdout, stderr } = await tool.run(
    "verify",
    "--machines",
    "namespaces",
    "--json",
    "--units",
    "4",
    "--report-dir",
    "out",
  );
  const report = JSON.parse(stdout) as Report & { holds: boolean };
  expect(report.checks.filter((check) => check.holds !== true)).toEqual([]);
  // Times depend on what else this machine does; that they were seen does not.
  const limited = report.figures.filter(({ limit }) => limit !== "");
  expect(limited.filter((figure) => figure.holds === null)).toEqual([]);
  expect(limited.find(({ limit }) => limit === "0")).toMatchObject({ value: "0", holds: true });
  expect(report.holds).toBe(true);
  expect(code).toBe(0);
  expect(report.lanes.map(({ unit }) => unit)).toEqual([
    ...[0, 1, 2, 3].map((number) => `concourse-ci-machine/${number}`),
    "postgresql/0",
  ]);
  expect(stderr).toContain("Adding unit 4 of 4");
  expect(await readFile(join(tool.directory, "out", "report.md"), "utf8")).toContain("**Result**: every check holds");
  expect(await readFile(join(tool.directory, "out", "report.html"), "utf8")).toContain("<svg");
  expectNothingOf(["mine"]);
  expect(await readFile(join(tool.data, "current-model"), "utf8")).toBe("mine\n");
});

test("an archive of one's own is served, counted and verified, whatever its version", async () => {
  const { path } = await standInArchive({ version: "8.2.5" });
  const words = ["--machines", "namespaces", "--units", "2", "--json", "--release-file", path];
  const { stdout } = await tool.run("verify", ...words);
  const report = JSON.parse(stdout) as Report;
  expect(report.checks.filter((check) => check.holds !== true)).toEqual([]);
  expect(Object.fromEntries(report.configuration)["Release"]).toBe(`${basename(path)}, served at 25 MB/s`);
  expect(report.status).toContain("Web server ready (v8.2.5) - port 8080");
  expect(report.limitations).toEqual([]);
  expectNothingOf([]);
});

test("Ctrl-C in the middle takes the model down", async () => {
  const child = start();
  await said(child, "Waiting for the release");
  child.kill("SIGINT");
  const [code] = (await once(child, "close")) as [number];
  expect(code).toBe(130);
  expectNothingOf([]);
  expect(processesLeft()).toEqual([]);
  expect(existsSync(join(tool.directory, "reports"))).toBe(false);
});

test("what cannot be deployed leaves nothing either", async () => {
  const { code, stderr, stdout } = await tool.run("verify", "--machines", "namespaces", "--charm", "./missing.charm");
  expect([code, stdout]).toEqual([
    1,
    expect.stringContaining("FAILS       Every Step: deployment: deploy ended with 2"),
  ]);
  expect(stderr).not.toMatch(/^\s+at /m);
  expectNothingOf([]);
});

test.each([
  [["--units", "1"], /invalid value "1" for option --units/],
  [["--machines", "clouds"], /clouds/],
  [["--release", "none"], /invalid value "none"/],
])("%j is refused", async (words, message) => {
  const { code, stderr } = await tool.run("verify", ...words);
  expect(code).toBe(2);
  expect(stderr.trim().split("\n").at(-1)).toMatch(message);
  expectNothingOf([]);
});
