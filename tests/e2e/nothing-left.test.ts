/** After `down` nothing is left of a model: no process, mount, namespace, link, cgroup or file. */

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { packTinyCharm } from "../fixtures/tiny-charm.ts";
import { Tool } from "./tool.ts";

let tool: Tool;
afterEach(() => tool.remove());

interface Host {
  readonly namespaces: readonly string[];
  readonly mounts: string;
  readonly links: string;
  readonly cgroups: readonly string[];
}

function pids(): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
}

function read<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

/** A process that has ended and only waits for its parent to notice. */
function isZombie(pid: string): boolean {
  const stat = read(() => readFileSync(`/proc/${pid}/stat`, "utf8"), ") Z");
  return stat.slice(stat.lastIndexOf(")")).startsWith(") Z");
}

/** Processes that name the model's directory or live in its machines. */
function processesOf(directory: string, short: string): string[] {
  return pids().filter((pid) => {
    const words = read(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"), "");
    const cgroup = read(() => readFileSync(`/proc/${pid}/cgroup`, "utf8"), "");
    return pid !== String(process.pid) && (words.includes(directory) || cgroup.includes(short)) && !isZombie(pid);
  });
}

function cgroupsNamed(short: string): string[] {
  return execFileSync("find", ["/sys/fs/cgroup", "-type", "d", "-name", `*${short}*`], { encoding: "utf8" })
    .trim()
    .split("\n")
    .filter(Boolean);
}

function hostNow(short: string): Host {
  const nets = new Set(pids().map((pid) => read(() => readlinkSync(`/proc/${pid}/ns/net`), "")));
  return {
    namespaces: [...nets].toSorted(),
    mounts: readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => line.includes(short))
      .join("\n"),
    links: execFileSync("ip", ["-oneline", "link"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.includes(short))
      .join("\n"),
    cgroups: cgroupsNamed(short),
  };
}

async function modelWithUnits(name: string): Promise<{ short: string; network: string; pid: number }> {
  tool = await Tool.create(name);
  await packTinyCharm(join(tool.directory, "tiny.charm"));
  await tool.ok("add-model", name);
  await tool.ok("deploy", "./tiny.charm", "-n", "2");
  await tool.active("tiny/0", "tiny/1");
  const { short } = JSON.parse(await readFile(join(tool.modelDirectory, "model.json"), "utf8")) as { short: string };
  const pid = await tool.supervisor();
  return { short, network: readlinkSync(`/proc/${pid}/ns/net`), pid };
}

function expectNothing(short: string, network: string): void {
  const host = hostNow(short);
  expect(processesOf(tool.modelDirectory, short)).toEqual([]);
  expect(host.namespaces).not.toContain(network);
  expect(host.mounts).toBe("");
  expect(host.links).toBe("");
  expect(host.cgroups).toEqual([]);
  expect(existsSync(tool.modelDirectory)).toBe(false);
  expect(existsSync(join(tool.directory, "data"))).toBe(false);
}

test("down of a running model", async () => {
  const { short, network } = await modelWithUnits("left-running");
  expect(cgroupsNamed(short)).not.toEqual([]);
  await tool.ok("down", "--yes");
  expectNothing(short, network);
  expect(await tool.run("down", "--yes", "-m", "left-running")).toMatchObject({ code: 2 });
});

test("down when the supervisor is dead", async () => {
  const { short, network, pid } = await modelWithUnits("left-dead");
  process.kill(pid, "SIGKILL");
  await tool.ok("down", "--yes");
  expectNothing(short, network);
});

test("down of an empty model whose supervisor was killed", async () => {
  tool = await Tool.create("left-half");
  await tool.ok("add-model", "left-half");
  const pid = await tool.supervisor();
  const { short } = JSON.parse(await readFile(join(tool.modelDirectory, "model.json"), "utf8")) as { short: string };
  const network = readlinkSync(`/proc/${pid}/ns/net`);
  process.kill(pid, "SIGKILL");
  await tool.ok("down", "--yes");
  expectNothing(short, network);
});
