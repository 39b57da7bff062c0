/**
 * Incus from nothing, and everything that the local model relies on, on real containers. One bring-up serves all of it;
 * in the end the host is as it was.
 */

import { spawnSync } from "node:child_process";
import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Report } from "../../src/report/types.ts";
import { attachFindsContainers } from "./attach-incus.ts";
import { readOnlyLeaderIsServed, storeOutlivesItsMachines } from "./incus-store.ts";
import { MachineBench } from "./machine-bench.ts";
import { machinesHold } from "./machine-suite.ts";
import { INCUS } from "../sweep.ts";
import { Tool } from "./tool.ts";
import { wayOutHolds } from "./way-out.ts";

// A daemon that is started here asks nobody outside for news.
process.env["HTTP_PROXY"] = process.env["HTTPS_PROXY"] = "http://127.0.0.1:9";

const packagesBefore = installedPackages();
const groupsBefore = globSync("/sys/fs/cgroup/{,*/}lxc.*");

let tool: Tool;
beforeAll(async () => {
  tool = await Tool.create("incus");
  writeFileSync(join(tool.directory, INCUS), "");
  process.stdout.write((await run("machines", "prepare", "--machines", "incus", "--yes")).stderr);
});
afterAll(() => tool.remove());

async function run(...words: string[]) {
  const ran = await tool.run(...words);
  if (ran.code !== 0) throw new Error(`${words.join(" ")} ended with ${ran.code}: ${ran.stderr}`);
  return ran;
}

test("what is prepared needs no second time, and says so", async () => {
  expect((await run("machines", "prepare", "--machines", "incus", "--yes")).stderr).toBe("Everything is there.\n");
});

describe("machines of Incus", () => {
  const bench = new MachineBench("incus");
  beforeAll(() => bench.setUp());
  afterAll(() => bench.tearDown());
  machinesHold(bench);
});

describe("the way out of machines of Incus", () => {
  wayOutHolds("incus");
});

test("verify holds on four units of Incus", async () => {
  const { stdout, stderr } = await tool.run("verify", "--machines", "incus", "--units", "4", "--json");
  const report = JSON.parse(stdout) as Report;
  expect(report.checks.filter((check) => check.holds !== true)).toEqual([]);
  // Times depend on what else this machine does; that they were seen does not.
  const limited = report.figures.filter(({ limit }) => limit !== "");
  expect(limited.filter((figure) => figure.holds === null)).toEqual([]);
  process.stdout.write(limited.map(({ name, value, limit }) => `${name}: ${value} (${limit})\n`).join(""));
  expect(stderr).toContain("Adding unit 4 of 4");
});

describe("a store on Incus", () => {
  storeOutlivesItsMachines();
});
describe("a read-only leader on Incus", () => {
  readOnlyLeaderIsServed();
});

describe("storage attach on Incus", () => {
  attachFindsContainers();
});

describe("machines clean", () => {
  test("refuses while machines are left", async () => {
    const bench = new MachineBench("incus");
    try {
      await bench.setUp();
      const { code, stderr } = await tool.run("machines", "clean", "--machines", "incus", "--yes");
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining(`Incus still has the machine ${bench.one.instanceId}`),
      ]);
      expect(await bench.one.running()).toBe(true);
    } finally {
      await bench.tearDown();
    }
  });

  test("does nothing where nobody agrees", async () => {
    const { code, stderr } = await tool.run("machines", "clean", "--machines", "incus");
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^This will be done on this host:\n {2}- In Incus, remove/),
    ]);
    expect((await run("machines", "prepare", "--machines", "incus", "--yes")).stderr).toBe("Everything is there.\n");
  });

  test("leaves the host as it was", async () => {
    process.stdout.write((await run("machines", "clean", "--machines", "incus", "--yes")).stderr);
    expect(installedPackages()).toEqual(packagesBefore);
    expect(globSync(["/etc/apt/sources.list.d/concourse-machine*", "/var/lib/concourse-machine-incus"])).toEqual([]);
    expect(globSync("/sys/fs/cgroup/{,*/}lxc.*")).toEqual(groupsBefore);
    expect((await run("machines", "clean", "--machines", "incus", "--yes")).stderr).toBe("Nothing of ours is there.\n");
  });
});

function installedPackages(): string[] {
  const words = ["--show", "--showformat=${Package} ${db:Status-Status}\\n"];
  const { stdout } = spawnSync("dpkg-query", words, { encoding: "utf8" });
  return stdout.split("\n").filter((line) => line.endsWith(" installed"));
}
