/**
 * The leader dies: in mid-download another unit finishes; the web stays where it is when leadership moves, and moves when
 * its own machine is gone for good.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { APPLICATION, deployConcourse, WEB, WORKER, type Concourse } from "./concourse.ts";
import { PATIENCE, Survivor, until } from "./survival.ts";
import { Tool } from "./tool.ts";

let tool: Tool;
let concourse: Concourse;
let survivor: Survivor;

beforeAll(async () => {
  tool = await Tool.create("leader");
  concourse = await deployConcourse(tool, { units: 3, throttle: 200_000 });
  survivor = new Survivor(concourse);
}, 2 * PATIENCE);
afterAll(() => tool.remove());

test("the leader's machine dies in mid-download: another one leads, takes over and finishes", async () => {
  const first = await survivor.anyUnit("a unit downloads", /^Downloading/);
  expect(first).toBe(await concourse.leader());
  const others = (await survivor.units()).filter((unit) => unit !== first);
  for (const unit of others) await survivor.shows(unit, /^Waiting for .* to download/);
  await survivor.downloadTo(0.5);
  const before = await survivor.downloaded();
  await survivor.machine("kill", first);
  const second = await survivor.anyUnit("another unit downloads", /^Downloading/, others);
  expect(await concourse.leader()).toBe(second);
  await concourse.throttle(null);
  await tool.until(
    "the others at work",
    (status) => others.every((unit) => status.applications[APPLICATION]?.units[unit]?.workload.current === "active"),
    PATIENCE,
  );
  expect(await concourse.mainPid(second, WEB)).toBeGreaterThan(0);
  expect(Object.keys(await survivor.releases())).toHaveLength(1);
  const { size } = concourse.archive;
  expect(await survivor.sent()).toBeLessThanOrEqual(1.1 * size);
  expect(before).toBeGreaterThan(0.4 * size);

  await survivor.machine("start", first);
  await survivor.ready();
  expect((await concourse.roles()).workers).toContain(first);
  expect(await survivor.failures()).toEqual([]);
});

test("the leader is away for long enough to lose the lead, but the web stays with it", async () => {
  const { web, workers } = await concourse.roles();
  expect(await concourse.leader()).toBe(web);
  await survivor.machine("kill", web);
  await until("another unit leads", async () => (await concourse.leader()) !== web);
  await survivor.machine("start", web);
  await survivor.ready();
  expect(await concourse.roles()).toEqual({ web, workers });
  expect(workers).toContain(await concourse.leader());
});

test("the web's machine dies: after a minute of silence it is placed anew, and no worker restarts for it", async () => {
  const { web, workers } = await concourse.roles();
  const before = await concourse.vitals();
  expect(workers).toContain(await concourse.leader());
  const killed = Date.now();
  await survivor.machine("kill", web);
  const next = await survivor.anyUnit("a web is ready", /^Web server ready/, workers);
  expect(next).toBe(await concourse.leader());
  expect(Date.now() - killed).toBeGreaterThanOrEqual(60_000);
  const rest = workers.filter((unit) => unit !== next);
  for (const unit of rest) await survivor.shows(unit, /^Worker ready/);
  for (const unit of rest) expect(await concourse.mainPid(unit, WORKER)).toBe(before[unit]?.worker);

  await survivor.machine("start", web);
  await survivor.shows(web, /^Worker ready/);
  await survivor.ready();
  expect(await concourse.roles()).toEqual({ web: next, workers: [...rest, web].toSorted() });
  expect(await survivor.failures()).toEqual([]);
});

test("the web's unit is removed: the leader places it on a unit that stays", async () => {
  const { web, workers } = await concourse.roles();
  await tool.ok("remove-unit", "-m", tool.model, web, "--no-prompt");
  const next = await survivor.anyUnit("a web is ready", /^Web server ready/, workers);
  await survivor.ready();
  expect(await survivor.units()).toEqual(workers);
  expect(next).toBe(await concourse.leader());
  expect(await survivor.failures()).toEqual([]);
});
