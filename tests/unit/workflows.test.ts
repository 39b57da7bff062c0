/** The workflows can only be run at GitHub: here, everything in them that is ours is looked up where it is defined. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ArgsDef, CommandDef } from "citty";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseStrictly } from "../../src/cli/arguments.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { VERSION } from "../../src/cli/scenario-release.ts";

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Workflow {
  readonly env?: Readonly<Record<string, string>>;
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<string, { readonly "timeout-minutes"?: number; readonly steps: readonly Step[] }>>;
}

const DIRECTORY = ".github/workflows";
const PROGRAM = "bin/concourse-machine.mjs";
const workflows = readdirSync(DIRECTORY).map(
  (name) => [name, parse(readFileSync(join(DIRECTORY, name), "utf8")) as Workflow] as const,
);
const steps = workflows.flatMap(([, { jobs }]) => Object.values(jobs).flatMap((job) => job.steps));
const scripts = steps.flatMap(({ run }) => (run ?? "").replaceAll("\\\n", " ").split("\n"));

/** The words of every call of our program: quotes taken off, up to the next command of the shell. */
const calls = scripts.flatMap((line) =>
  line
    .split(PROGRAM)
    .slice(1)
    .map((rest) => {
      const [command = ""] = rest.split(/\)|\||2>&1/);
      return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
    }),
);

describe.each(workflows)("%s", (_, { permissions, jobs }) => {
  test("may read and nothing else, and no job goes on for ever", () => {
    expect(permissions).toEqual({ contents: "read" });
    for (const job of Object.values(jobs)) expect(job["timeout-minutes"]).toBeGreaterThan(0);
  });
});

test("each call of concourse-machine is one that it takes", async () => {
  expect(calls.length).toBeGreaterThan(5);
  for (const [name = "", ...words] of calls) {
    const entry = COMMANDS[name];
    if (entry === undefined) throw new Error(`no such command: ${name}`);
    const { args } = (await entry.load()).default as CommandDef<ArgsDef>;
    expect(() => parseStrictly(words, args as ArgsDef), words.join(" ")).not.toThrow();
  }
});

test("npm scripts and programs of this tree that are called exist", () => {
  const { scripts: known } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
  const called = scripts.flatMap((line) => [...line.matchAll(/npm run (\S+)/g)].map(([, name]) => name ?? ""));
  expect(called.length).toBeGreaterThan(1);
  expect(called.filter((name) => known[name] === undefined)).toEqual([]);
  const programs = scripts.flatMap((line) =>
    [...line.matchAll(/(?<=\s)(\.?\w+\/[\w.-]*(?:run|mjs))\b/g)].map(([path]) => path),
  );
  expect(new Set(programs)).toEqual(new Set([".ci/run", PROGRAM]));
  expect([...new Set(programs)].filter((path) => !existsSync(path))).toEqual([]);
});

test("nobody else's actions than GitHub's own, by their version", () => {
  const used = steps.flatMap(({ uses }) => uses ?? []);
  expect(used.length).toBeGreaterThan(4);
  expect(used.filter((name) => !/^actions\/[a-z-]+@v\d+$/.test(name))).toEqual([]);
});

test("charms are called what packing calls them", () => {
  const names = scripts.flatMap((line) => [...line.matchAll(/[\w-]+_\w+\.charm\b/g)].map(([name]) => name));
  expect(new Set(names)).toEqual(new Set(["concourse-ci-machine_amd64.charm"]));
});

test("the real release is of the version that reports are about", () => {
  expect(workflows.flatMap(([, { env }]) => env?.["CONCOURSE"] ?? [])).toEqual([VERSION]);
});
