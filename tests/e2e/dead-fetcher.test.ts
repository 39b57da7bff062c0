/**
 * The machine of the unit that fetches is gone for good, and nobody but the operator knows: read-only units that are
 * added wait and name it, and go on once it is removed by force.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { packCharm } from "../../scripts/pack.ts";
import type { StatusData } from "../../src/model/state/types.ts";
import { APPLICATION, ARCH, deployConcourse, WORKER, type Concourse } from "./concourse.ts";
import { PATIENCE, Survivor } from "./survival.ts";
import { Tool, unitsOf } from "./tool.ts";

const [FETCHER, OTHER] = [`${APPLICATION}/0`, `${APPLICATION}/1`];
const WORKERS = "worker";

let tool: Tool;
let concourse: Concourse;
let survivor: Survivor;

beforeAll(async () => {
  tool = await Tool.create("dead-fetcher");
  const charm = await packCharm(ARCH);
  concourse = await deployConcourse(tool, { charm, units: 2, config: { mode: "web" } });
  survivor = new Survivor(concourse);
  const config = ["--config", "mode=worker", "--config", "shared-storage=lxc"];
  await tool.ok("deploy", "-m", tool.model, charm, WORKERS, ...config, "--disk", `${concourse.disk}:ro`);
  await tool.ok("integrate", "-m", tool.model, `${WORKERS}:flight`, `${APPLICATION}:tsa`);
  await concourse.ready(PATIENCE);
}, 2 * PATIENCE);
afterAll(() => tool.remove());

async function fetcher(unit: string): Promise<unknown> {
  const answer = await tool.ok("run", "-m", tool.model, unit, "check-status", "--format", "json");
  const [{ results }] = Object.values(JSON.parse(answer) as Record<string, { results: Record<string, string> }>) as [
    { results: Record<string, string> },
  ];
  return (JSON.parse(results["cluster"] ?? "null") as { fetcher?: string } | null)?.fetcher;
}

const waitsFor = (message: string) => (status: StatusData) =>
  unitsOf(status)[`${WORKERS}/1`]?.workload.message === message;

test("a unit added while the fetcher's machine is down waits for it, by name", async () => {
  expect(await fetcher(OTHER)).toBe(FETCHER);
  await survivor.machine("kill", FETCHER);
  await tool.ok("add-unit", "-m", tool.model, WORKERS);
  const message = `Waiting for ${FETCHER} to lease Concourse 7.14.3 for this unit`;
  await tool.until(message, waitsFor(message), PATIENCE);
});

test("remove-unit without force leaves it there; with force the application goes on", async () => {
  const running = await concourse.mainPid(`${WORKERS}/0`, WORKER);
  expect(await tool.ok("remove-unit", "-m", tool.model, FETCHER)).toBe(`will remove unit ${FETCHER}\n`);
  expect(await tool.ok("status", "-m", tool.model)).toContain(FETCHER);
  await tool.ok("remove-unit", "-m", tool.model, FETCHER, "--force");
  await tool.until(`${WORKERS}/1 ready`, waitsFor("Worker ready (v7.14.3)"), PATIENCE);
  expect(await fetcher(OTHER)).toBe(OTHER);
  expect(await concourse.mainPid(`${WORKERS}/0`, WORKER)).toBe(running);
});

test("unit and machine go in the end, and what the fetcher held is cleared away", async () => {
  await tool.ok("remove-unit", "-m", tool.model, FETCHER, "--force", "--no-wait");
  const { machines } = await tool.until(
    `${FETCHER} gone`,
    (status) => unitsOf(status)[FETCHER] === undefined && status.machines["0"] === undefined,
    PATIENCE,
  );
  expect(Object.values(machines).map(({ agent }) => agent.current)).not.toContain("down");
  expect(await survivor.failures()).toEqual([]);
});
