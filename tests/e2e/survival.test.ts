/**
 * Whatever dies in whichever state, the deployment heals by itself, without a periodic hook: the agent, a machine, the
 * supervisor; while the release is fetched, waited for, started, and in steady work. One download all the while.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { AGENT, deployConcourse, WEB, WORKER } from "./concourse.ts";
import { PATIENCE, Survivor, until } from "./survival.ts";
import { Tool } from "./tool.ts";

let tool: Tool;
let survivor: Survivor;
let fetcher = "";
let waiter = "";

beforeAll(async () => {
  tool = await Tool.create("survival");
  survivor = new Survivor(await deployConcourse(tool, { units: 3, throttle: 200_000 }));
  fetcher = await survivor.anyUnit("a unit downloads", /^Downloading/);
  waiter = (await survivor.units()).find((unit) => unit !== fetcher) ?? "";
  await survivor.shows(waiter, /^Waiting for .* to download/);
}, 2 * PATIENCE);
afterAll(() => tool.remove());

test("fetching: the agent is killed", async () => {
  await survivor.downloadTo(0.2);
  await survivor.killAgent(fetcher);
  expect(await survivor.goesOn()).toBeGreaterThan(0);
});

test("fetching: the fetcher is frozen, nobody else enters; thawed, it goes on", async () => {
  await survivor.downloadTo(0.3);
  await survivor.machine("freeze", fetcher);
  const before = (await survivor.concourse.requests()).length;
  await survivor.killAgent(waiter);
  await until("the other unit's agent is back", async () => (await survivor.concourse.mainPid(waiter, AGENT)) > 0);
  expect((await survivor.concourse.requests()).length).toBe(before);
  await survivor.machine("thaw", fetcher);
  expect(await survivor.goesOn()).toBeGreaterThan(0);
});

test("fetching: the fetcher's machine is rebooted", async () => {
  await survivor.downloadTo(0.4);
  await survivor.machine("reboot", fetcher);
  expect(await survivor.goesOn()).toBeGreaterThan(0);
});

test("fetching: the fetcher's machine loses power", async () => {
  await survivor.downloadTo(0.5);
  await survivor.machine("kill", fetcher);
  await survivor.machine("start", fetcher);
  expect(await survivor.goesOn()).toBeGreaterThan(0);
});

test("fetching and waiting: the supervisor is killed", async () => {
  await survivor.downloadTo(0.6);
  await survivor.killSupervisor();
  expect(await survivor.goesOn()).toBeGreaterThan(0);
});

test.each(["reboot", "kill"] as const)("waiting: %s of the machine", async (act) => {
  await survivor.machine(act, waiter);
  if (act === "kill") await survivor.machine("start", waiter);
  await until("its agent runs again", async () => (await survivor.concourse.mainPid(waiter, AGENT)) > 0);
  expect(await survivor.shows(waiter, /^Waiting for .* to download/)).toContain(fetcher);
});

test("the web starts: the supervisor is killed", async () => {
  await survivor.concourse.throttle(null);
  const web = await survivor.anyUnit("a web starts", /^Starting web server/);
  await survivor.killSupervisor();
  await survivor.ready();
  expect((await survivor.concourse.roles()).web).toBe(web);
});

test("after all of it: one release, published once, for hardly more bytes than it has", async () => {
  const { archive } = survivor.concourse;
  expect(Object.keys(await survivor.releases())).toHaveLength(1);
  expect((await survivor.sent()) / archive.size).toBeLessThanOrEqual(1.1);
  expect(await survivor.failures()).toEqual([]);
});

test("steady: the supervisor is killed, and no service notices", async () => {
  const before = await survivor.concourse.vitals();
  await survivor.killSupervisor();
  await survivor.ready();
  expect(await survivor.concourse.vitals()).toEqual(before);
});

test.each(["reboot", "kill"] as const)("web: %s of its machine", async (act) => {
  const { web } = await survivor.concourse.roles();
  await survivor.machine(act, web);
  if (act === "kill") await survivor.machine("start", web);
  await until("its web runs again", async () => (await survivor.concourse.mainPid(web, WEB)) > 0);
  await survivor.ready();
  expect((await survivor.concourse.roles()).web).toBe(web);
});

test.each(["reboot", "kill"] as const)("worker: %s of its machine", async (act) => {
  const { workers } = await survivor.concourse.roles();
  const [worker = ""] = workers;
  await survivor.machine(act, worker);
  if (act === "kill") await survivor.machine("start", worker);
  await until("its worker runs again", async () => (await survivor.concourse.mainPid(worker, WORKER)) > 0);
  await survivor.ready();
  expect((await survivor.concourse.roles()).workers).toEqual(workers);
});

test("nothing of it was an error, or fetched anything again", async () => {
  expect(await survivor.failures()).toEqual([]);
  expect(Object.keys(await survivor.releases())).toHaveLength(1);
  expect((await survivor.sent()) / survivor.concourse.archive.size).toBeLessThanOrEqual(1.1);
});
