/**
 * The machine of the unit that fetches is gone for good, and nobody but the operator knows: read-only units that are
 * added wait for its application, and go on once it is removed by force.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { packCharm } from "../../scripts/pack.ts";
import type { StatusData } from "../../src/model/state/types.ts";
import { APPLICATION, ARCH, deployConcourse, WORKER, type Concourse } from "./concourse.ts";
import { PATIENCE, Survivor } from "./survival.ts";
import { Tool, unitsOf } from "./tool.ts";

const WORKERS = "worker";

let tool: Tool;
let concourse: Concourse;
let survivor: Survivor;
/** The web that fetches and holds the leases, and the one that does not. */
let dead: string;
let other: string;

beforeAll(async () => {
  tool = await Tool.create("dead-fetcher");
  const charm = await packCharm(ARCH);
  concourse = await deployConcourse(tool, { charm, units: 2, config: { mode: "web" } });
  survivor = new Survivor(concourse);
  const config = ["--config", "mode=worker", "--config", "shared-storage=lxc"];
  await tool.ok("deploy", "-m", tool.model, charm, WORKERS, ...config, "--disk", `${concourse.disk}:ro`);
  await tool.ok("integrate", "-m", tool.model, `${WORKERS}:flight`, `${APPLICATION}:tsa`);
  await concourse.ready(PATIENCE);
  const webs = await survivor.units();
  dead = await fetcher(webs[0] ?? "");
  other = webs.find((unit) => unit !== dead) ?? "";
}, 2 * PATIENCE);
afterAll(() => tool.remove());

async function fetcher(unit: string): Promise<string> {
  const answer = await tool.ok("run", "-m", tool.model, unit, "check-status", "--format", "json");
  const tasks = Object.values(JSON.parse(answer) as Record<string, { results: { cluster?: { fetcher: string } } }>);
  return tasks[0]?.results.cluster?.fetcher ?? "nobody";
}

const waitsFor = (message: string) => (status: StatusData) =>
  unitsOf(status)[`${WORKERS}/1`]?.workload.message === message;

test("a unit added while the fetcher's machine is down waits for its application, by name", async () => {
  expect(await fetcher(other)).toBe(dead);
  await survivor.machine("kill", dead);
  await tool.ok("add-unit", "-m", tool.model, WORKERS);
  const message = `Waiting for ${APPLICATION} to lease Concourse 7.14.3 for this unit`;
  await tool.until(message, waitsFor(message), PATIENCE);
});

test("remove-unit without force leaves it there; with force the application goes on", async () => {
  const running = await concourse.mainPid(`${WORKERS}/0`, WORKER);
  expect(await tool.ok("remove-unit", "-m", tool.model, dead)).toBe(`will remove unit ${dead}\n`);
  expect(await tool.ok("status", "-m", tool.model)).toContain(dead);
  await tool.ok("remove-unit", "-m", tool.model, dead, "--force");
  await tool.until(`${WORKERS}/1 ready`, waitsFor("Worker ready (v7.14.3)"), PATIENCE);
  expect(await fetcher(other)).toBe(other);
  expect(await concourse.mainPid(`${WORKERS}/0`, WORKER)).toBe(running);
});

test("unit and machine go in the end, without a word of theirs", async () => {
  const isDown = ({ machines }: StatusData): boolean =>
    Object.values(machines).some(({ agent }) => agent.current === "down");
  await tool.until(`${dead} gone`, (status) => unitsOf(status)[dead] === undefined && !isDown(status), PATIENCE);
  expect(await survivor.failures()).toEqual([]);
});
