/** Units and applications that go, and applications that do not belong together. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packCharm } from "../../scripts/pack.ts";
import { deployConcourse, MOUNT_POINT, type Concourse } from "./concourse.ts";
import { Tool, unitsOf } from "./tool.ts";

const KEYS = "/etc/concourse/authorized_worker_keys";

let tool: Tool;
let concourse: Concourse;
let charm = "";

beforeAll(async () => {
  tool = await Tool.create("faults-leaving");
  concourse = await deployConcourse(tool, { units: 4 });
  charm = await packCharm(process.arch === "arm64" ? "arm64" : "amd64");
  await concourse.ready();
});
afterAll(() => tool.remove());

const members = async (): Promise<string[]> => readdir(join(concourse.sharedDirectory, "worker"));

async function remove(unit: string): Promise<void> {
  await tool.ok("remove-unit", "-m", tool.model, unit);
  await tool.until(`${unit} gone`, (status) => unitsOf(status)[unit] === undefined);
}

test("another application on the same directory is refused, and harms nobody", async () => {
  const before = await concourse.vitals();
  const disk = ["--disk", `concourse=${concourse.sharedDirectory}:${MOUNT_POINT}`];
  await tool.ok("deploy", "-m", tool.model, charm, "stranger", "--config", "shared-storage=lxc", ...disk);
  const { message } = await concourse.untilStatus("stranger/0", /^blocked Store of another application/);
  expect(message).toMatch(/: rm \/var\/lib\/concourse\/apps\/[0-9a-f]{8}-concourse-ci-machine\.json$/);
  expect(message.length).toBeLessThanOrEqual(120);
  expect(await readdir(join(concourse.sharedDirectory, "apps"))).toHaveLength(1);
  expect(await concourse.vitals()).toEqual(before);
  await tool.ok("remove-application", "-m", tool.model, "--no-prompt", "stranger");
  await tool.until("stranger gone", ({ applications }) => applications["stranger"] === undefined);
  expect(await readdir(join(concourse.sharedDirectory, "apps"))).toHaveLength(1);
  expect(await concourse.vitals()).toEqual(before);
});

test("a worker that is removed leaves the web's keys, the store and the machine", async () => {
  const { web, workers } = await concourse.roles();
  const [gone = "", ...others] = workers;
  const before = await concourse.vitals();
  expect(await keysOf(web)).toHaveLength(3);
  expect(await members()).toHaveLength(4);
  await remove(gone);
  await concourse.inUnit(web, `until [ $(wc -l <${KEYS}) = 2 ]; do sleep 0.2; done`);
  expect(await members()).toHaveLength(3);
  const log = await readFile(join(tool.modelDirectory, "log/debug.jsonl"), "utf8");
  expect(log).not.toMatch(/hook failed/);
  const after = await concourse.vitals();
  expect(after[web]).toEqual(before[web]);
  for (const unit of others) expect(after[unit]).toEqual(before[unit]);
  await concourse.ready();
});

test("the web's unit, which leads, is removed: the web is placed anew, and workers come back as they are", async () => {
  const { web, workers } = await concourse.roles();
  expect(await concourse.leader()).toBe(web);
  const before = await concourse.vitals();
  const began = Date.now();
  await remove(web);
  await concourse.ready();
  const ms = Date.now() - began;
  const next = await concourse.roles();
  expect(workers).toContain(next.web);
  expect(next.workers).toEqual(workers.filter((unit) => unit !== next.web));
  const after = await concourse.vitals();
  for (const unit of next.workers) expect(after[unit]).toEqual(before[unit]);
  expect(after[next.web]?.worker).toBe(0);
  expect(await keysOf(next.web)).toHaveLength(1);
  expect(await members()).toHaveLength(2);
  process.stdout.write(`The web's unit removed: all ready on the others after ${(ms / 1000).toFixed(1)} s\n`);
});

test("without shared storage each unit has a store of its own", async () => {
  const { url } = await concourse.ask<{ url: string }>("mirror");
  const config = ["shared-storage=none", `release-mirror=${url}`, "version=7.14.3"].flatMap((word) => [
    "--config",
    word,
  ]);
  await tool.ok("deploy", "-m", tool.model, charm, "private", "-n", "2", ...config);
  await concourse.integrate("private");
  await concourse.ready();
  const script = `grep -o '"id":"[^"]*"' ${MOUNT_POINT}/store.json; findmnt -no TARGET ${MOUNT_POINT} || echo plain`;
  const stores = await Promise.all(["private/0", "private/1"].map((unit) => concourse.inUnit(unit, script)));
  expect(new Set(stores).size).toBe(2);
  for (const store of stores) expect(store).toMatch(/plain/);
  await concourse.untilStatus("private/0", /^active (Web server|Worker) ready/);
  await tool.ok("remove-application", "-m", tool.model, "--no-prompt", "private");
  await tool.until("private gone", ({ applications }) => applications["private"] === undefined);
  await concourse.ready();
});

async function keysOf(unit: string): Promise<string[]> {
  return (await concourse.inUnit(unit, `cat ${KEYS}`)).trim().split("\n");
}
