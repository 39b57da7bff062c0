/**
 * Webs and workers as applications of their own, on one directory that the workers cannot write: one download for both,
 * keys and versions that cross the relation, webs that come and go, and a store that somebody tampered with.
 */

import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packCharm } from "../../scripts/pack.ts";
import type { StatusData } from "../../src/model/state/types.ts";
import { FIXED_NAMES } from "../../src/store/layout.ts";
import { APPLICATION, ARCH, deployConcourse, MOUNT_POINT, WEB, WORKER, type Concourse } from "./concourse.ts";
import { plantProgram } from "./planted.ts";
import { PATIENCE, Survivor } from "./survival.ts";
import { Tool, unitsOf } from "./tool.ts";

const [OLD, NEW] = ["7.14.3", "8.2.5"];
const WORKERS = "worker";
/** Bytes a second that bring no archive while a test looks. */
const TRICKLE = 100_000;

let tool: Tool;
let concourse: Concourse;
let survivor: Survivor;
let charm: string;

beforeAll(async () => {
  tool = await Tool.create("two-apps");
  charm = await packCharm(ARCH);
  concourse = await deployConcourse(tool, { charm, units: 2, version: OLD, config: { mode: "web" } });
  survivor = new Survivor(concourse);
  await concourse.serveVersions(OLD, NEW);
  await concourse.ready(PATIENCE);
}, 2 * PATIENCE);
afterAll(() => tool.remove());

const webs = (): Promise<string[]> => unitsOfApplication(APPLICATION);
const workers = (): Promise<string[]> => unitsOfApplication(WORKERS);

async function unitsOfApplication(application: string): Promise<string[]> {
  const { applications } = await concourse.ask<StatusData>("status");
  return Object.keys(applications[application]?.units ?? {});
}

/** Waits until these units show messages like this. */
function shows(units: readonly string[], message: RegExp): Promise<StatusData> {
  const all = (status: StatusData): boolean =>
    units.every((unit) => message.test(unitsOf(status)[unit]?.workload.message ?? ""));
  return tool.until(`${units.join(", ")} ${String(message)}`, all, PATIENCE);
}

const integrate = (a: string, b: string): Promise<unknown> => concourse.ask("integrate", { a, b });

async function pids(units: readonly string[], service: string): Promise<Record<string, number>> {
  const found = await Promise.all(units.map(async (unit) => [unit, await concourse.mainPid(unit, service)] as const));
  return Object.fromEntries(found);
}

const archives = async (): Promise<number> =>
  (await concourse.requests()).filter(({ path, status }) => path.endsWith(".tgz") && status < 300).length;

/** Leases on the store that were not written by the units themselves: unit's name on the store → releases. */
async function heldLeases(): Promise<Record<string, string[]>> {
  const directory = join(concourse.sharedDirectory, "worker");
  const held: [string, string[]][] = [];
  for (const member of await readdir(directory)) {
    for (const file of await readdir(join(directory, member))) {
      const text = await readFile(join(directory, member, file), "utf8");
      if (file.startsWith("held-by-")) held.push([member, (JSON.parse(text) as { releases: string[] }).releases]);
    }
  }
  return Object.fromEntries(held);
}

test("workers on a read-only mount of the webs' store run its release without a download or a restart", async () => {
  const before = await pids(await webs(), WEB);
  const disk = ["--disk", `${concourse.disk}:ro`];
  const config = ["--config", "mode=worker", "--config", "shared-storage=lxc"];
  await tool.ok("deploy", "-m", tool.model, charm, WORKERS, "-n", "2", ...config, ...disk);
  const units = await workers();
  await shows(units, /^Relate to a web application: juju integrate worker:flight <web-app>:tsa$/);
  await integrate(`${WORKERS}:flight`, `${APPLICATION}:tsa`);
  await shows(units, new RegExp(`^Worker ready \\(v${OLD}\\)$`));

  expect(await archives()).toBe(1);
  // Their keys were taken up by the webs that ran.
  expect(await pids(await webs(), WEB)).toEqual(before);
  const release = await concourse.release(units[0] ?? "");
  expect(Object.values(await heldLeases())).toEqual([[release], [release]]);
  expect(await concourse.readersOf("concourse-cluster")).not.toContain(units[0]);
  for (const unit of units)
    expect(await concourse.inUnit(unit, `findmnt -no OPTIONS ${MOUNT_POINT}`)).toMatch(/^\s*ro,/);
  expect(await survivor.failures()).toEqual([]);
});

test("a second web application is refused with a status, and the first goes on", async () => {
  const before = await pids(await workers(), WORKER);
  await tool.ok("deploy", "-m", tool.model, charm, "other", "-n", "1", "--config", "mode=web");
  await integrate(`${WORKERS}:flight`, "other:tsa");
  await shows(await workers(), /^Workers serve one web application, .*: juju remove-relation worker:flight other:tsa$/);
  await tool.ok("remove-relation", "-m", tool.model, `${WORKERS}:flight`, "other:tsa");
  await shows(await workers(), /^Worker ready/);
  expect(await pids(await workers(), WORKER)).toEqual(before);
  await tool.ok("remove-application", "-m", tool.model, "other");
  expect(await survivor.failures()).toEqual([]);
});

test("workers with a store of their own fetch the same archive, by the webs' digest", async () => {
  const { url } = await concourse.ask<{ url: string }>("mirror");
  const before = await archives();
  const config = ["--config", "mode=worker", "--config", `release-mirror=${url}`];
  await tool.ok("deploy", "-m", tool.model, charm, "apart", "-n", "1", ...config);
  await integrate("apart:flight", `${APPLICATION}:tsa`);
  await shows(["apart/0"], new RegExp(`^Worker ready \\(v${OLD}\\)$`));
  expect(await archives()).toBe(before + 1);
  expect(await concourse.release("apart/0")).toBe(await concourse.release((await webs())[0] ?? ""));
  await tool.ok("remove-application", "-m", tool.model, "apart");
  await tool.until("apart is gone", ({ applications }) => applications["apart"] === undefined, PATIENCE);
});

test("the webs' new version comes to the workers after them, by the same files", async () => {
  const before = await archives();
  await concourse.configure({ version: NEW });
  await shows(await webs(), new RegExp(`^Web server ready \\(v${NEW}\\)`));
  await shows(await workers(), new RegExp(`^Worker ready \\(v${NEW}\\)`));
  expect(await archives()).toBe(before + 1);
  const [lastWeb, firstWorker] = await Promise.all([
    starts(await webs(), WEB).then((times) => Math.max(...times)),
    starts(await workers(), WORKER).then((times) => Math.min(...times)),
  ]);
  expect(firstWorker).toBeGreaterThan(lastWeb);
  expect(await survivor.failures()).toEqual([]);
});

/** When each unit's process was started, in microseconds of the clock that all machines share. */
function starts(units: readonly string[], service: string): Promise<number[]> {
  const started = `systemctl show --value --property=ExecMainStartTimestampMonotonic ${service}`;
  return Promise.all(units.map(async (unit) => Number((await concourse.inUnit(unit, started)).trim())));
}

test("a version that ran before comes back by its own manifest only, and nobody asks a source which archive it is", async () => {
  const releases = join(concourse.sharedDirectory, "releases");
  const right = (await readdir(releases)).find((name) => name.startsWith(OLD)) ?? "";
  await plantProgram(join(releases, right));
  const asked = async (): Promise<number> =>
    (await concourse.requests()).filter(({ path }) => path.endsWith(".sha256")).length;
  const [downloads, questions] = [await archives(), await asked()];
  await concourse.configure({ version: OLD });
  await shows(await webs(), new RegExp(`^Web server ready \\(v${OLD}\\)`));
  await shows(await workers(), new RegExp(`^Worker ready \\(v${OLD}\\)`));
  for (const unit of [...(await webs()), ...(await workers())])
    expect(await concourse.release(unit)).toBe(`${right}.2`);
  expect(await archives()).toBe(downloads + 1);

  // The one before is kept, so the way forth needs no source at all.
  await concourse.configure({ version: NEW });
  await shows(await webs(), new RegExp(`^Web server ready \\(v${NEW}\\)`));
  await shows(await workers(), new RegExp(`^Worker ready \\(v${NEW}\\)`));
  expect(await archives()).toBe(downloads + 1);
  expect(await asked()).toBe(questions);
  expect(await survivor.failures()).toEqual([]);
});

test("a web that goes takes no worker with it", async () => {
  const [first = "", second = ""] = await webs();
  const before = await pids(await workers(), WORKER);
  await tool.ok("remove-unit", "-m", tool.model, first);
  await tool.until(`${first} gone`, (status) => unitsOf(status)[first] === undefined, PATIENCE);
  await shows([second, ...(await workers())], /ready \(v/);
  for (const unit of await workers()) {
    const hosts = await concourse.inUnit(unit, "grep -c tsa.concourse.internal /etc/hosts");
    expect(hosts.trim()).toBe("1");
  }
  expect(await pids(await workers(), WORKER)).toEqual(before);
  await tool.ok("add-unit", "-m", tool.model, APPLICATION);
  await shows(await webs(), /^Web server ready/);
  await shows(await workers(), /^Worker ready/);
});

test("a worker that goes loses the lease that was held for it", async () => {
  const before = await archives();
  const [, second = ""] = await workers();
  await tool.ok("remove-unit", "-m", tool.model, second);
  await tool.until(`${second} gone`, (status) => unitsOf(status)[second] === undefined, PATIENCE);
  // It is kept for as long as Juju has the unit; that it has it no longer the fetcher sees at its next event.
  await tool.ok("add-unit", "-m", tool.model, WORKERS);
  await shows(await workers(), /^Worker ready/);
  const isHeld = async (): Promise<boolean> =>
    Object.keys(await heldLeases()).some((member) => member.endsWith(`-${second.replace("/", "-")}`));
  await expect.poll(isHeld, { timeout: PATIENCE }).toBe(false);
  expect(await archives()).toBe(before);
});

const isWorker = (status: StatusData, unit: string): boolean =>
  unitsOf(status)[unit]?.workload.message.startsWith("Worker ready") === true;

test("a mode that is changed stops what a unit is no more, and leaves the workers of the other application alone", async () => {
  const before = await pids(await workers(), WORKER);
  const [first = "", second = ""] = await webs();
  await concourse.configure({ mode: "auto" });
  await tool.until(
    "one of them is a worker",
    (status) => [first, second].some((unit) => isWorker(status, unit)),
    PATIENCE,
  );
  const [web, other] = isWorker(await concourse.ask<StatusData>("status"), first) ? [second, first] : [first, second];
  expect(await pids([web, other], WEB)).toEqual({ [web]: expect.any(Number) as number, [other]: 0 });
  await concourse.configure({ mode: "wbe" });
  await shows([web, other], /^Option mode: "wbe" is unknown/);
  await concourse.configure({ mode: "web" });
  await shows([web, other], /^Web server ready/);
  await shows(await workers(), /^Worker ready/);
  expect(await pids([web, other], WORKER)).toEqual({ [web]: 0, [other]: 0 });
  expect(await pids(await workers(), WORKER)).toEqual(before);
  expect(await survivor.failures()).toEqual([]);
});

test("a link at any fixed name of the store is refused and named by every unit, whatever it can write", async () => {
  const all = [...(await webs()), ...(await workers())];
  const aside = join(tool.directory, "aside");
  await mkdir(aside);
  const planted = FIXED_NAMES.map(({ name }) => name);
  for (const name of planted) {
    const path = join(concourse.sharedDirectory, name);
    await rename(path, join(aside, name));
    await symlink("/etc", path);
  }
  // Each unit names the first that it meets: put right one by one, all of them are named.
  const before = await pids(all, WORKER);
  for (const name of planted) {
    await shows(all, new RegExp(`^${MOUNT_POINT}/${name.replaceAll(".", "\\.")} (is not a|leads to no) `));
    await rm(join(concourse.sharedDirectory, name));
    await rename(join(aside, name), join(concourse.sharedDirectory, name));
  }
  await shows(all, /ready \(v/);
  expect(await pids(all, WORKER)).toEqual(before);
});

test("a flipped byte in a program is seen and named by every unit before it starts anything from there", async () => {
  const all = [...(await webs()), ...(await workers())];
  const release = await concourse.release(all[0] ?? "");
  const programs = join(concourse.sharedDirectory, "releases", release, "bin");
  // Not the one that runs: the kernel lets nobody write to that.
  const name = (await readdir(programs)).find((one) => one !== "concourse" && !one.includes(".")) ?? "";
  const bytes = await readFile(join(programs, name));
  const middle = Math.floor(bytes.length / 2);
  await writeFile(join(programs, name), bytes.with(middle, (bytes[middle] ?? 0) ^ 1));
  // The copy comes once all have looked: a unit that is told of it first has no more reason to read the damaged one.
  await concourse.throttle(TRICKLE);
  await Promise.all(all.map((unit) => survivor.killAgent(unit)));
  await expect
    .poll(() => named(all, new RegExp(`Damaged release: bin/${name} `)), { timeout: PATIENCE, interval: 1_000 })
    .toEqual(all);
  await concourse.throttle(null);
  await shows(all, /ready \(v/);
});

/** The units that have shown, or logged, a message like this. */
async function named(units: readonly string[], pattern: RegExp): Promise<string[]> {
  const found = await Promise.all(
    units.map(async (unit) => (await concourse.history(unit)).some(({ message }) => pattern.test(message))),
  );
  return units.filter((_, i) => found[i]);
}
