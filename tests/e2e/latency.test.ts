/** While a download takes its minute, nothing else waits for it: hooks are short, actions answer at once. */

import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { APPLICATION, deployConcourse, type Concourse } from "./concourse.ts";
import { PATIENCE, Survivor, until } from "./survival.ts";
import { Tool, type Ran } from "./tool.ts";

const MINUTE = 60_000;
/** Milliseconds that the longest hook, and an action, may take. */
const SHORT = 2_000;

let tool: Tool;
let concourse: Concourse;
let survivor: Survivor;

beforeAll(async () => {
  tool = await Tool.create("latency");
  concourse = await deployConcourse(tool, { units: 2, throttle: 1 });
  survivor = new Survivor(concourse);
  await concourse.throttle((concourse.archive.size / MINUTE) * 1000);
}, 2 * PATIENCE);
afterAll(() => tool.remove());

test("hooks and actions during a download that takes a minute", async () => {
  await survivor.anyUnit("a unit downloads", /^Downloading/);
  await until("there is a password", async () => (await ask()).code === 0);
  const began = Date.now();
  const actions: number[] = [];
  const publishedYet = async (): Promise<boolean> => Object.keys(await survivor.releases()).length > 0;
  while (!(await publishedYet())) {
    const asked = Date.now();
    expect((await ask()).stdout).toMatch(/^password: \S+$/m);
    actions.push(Date.now() - asked);
    await pause(1_000);
  }
  const published = Math.min(...Object.values(await survivor.releases()));
  await concourse.throttle(null);
  await survivor.ready();

  const hooks = (await Promise.all((await survivor.units()).map((unit) => concourse.hooks(unit)))).flat();
  const during = hooks.filter(({ from, to }) => to > began && from < published);
  // On a host with much else to do, everything takes longer: also the hooks before and after.
  const usual = median(hooks.filter((hook) => !during.includes(hook)).map(({ from, to }) => to - from));
  const limit = Math.max(SHORT, 10 * usual);
  expect(published - began).toBeGreaterThan(MINUTE / 2);
  expect(during.length).toBeGreaterThan(0);
  expect(during.filter(({ from, to }) => to - from > limit)).toEqual([]);
  expect(median(actions)).toBeLessThanOrEqual(limit);
});

const ask = (): Promise<Ran> => tool.run("run", "-m", tool.model, `${APPLICATION}/leader`, "get-admin-password");

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
