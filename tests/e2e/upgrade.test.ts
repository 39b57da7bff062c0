/**
 * A changed version, on four units at work: fetched while the old one runs, then the web, then the workers one by one.
 * Also back again, to a version that is not there, and past a machine that is down. On Juju 4.0, as most others on 3.6.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { StatusData } from "../../src/model/state/types.ts";
import { firstFree } from "../../src/cli/host-ports.ts";
import { APPLICATION, deployConcourse, type Concourse } from "./concourse.ts";
import { WebPoll } from "./web-poll.ts";
import { PATIENCE, Survivor } from "./survival.ts";
import { Tool } from "./tool.ts";

const [OLD, NEW] = ["7.14.3", "8.2.5"];

let tool: Tool;
let concourse: Concourse;
let survivor: Survivor;
let poll: WebPoll;

beforeAll(async () => {
  tool = await Tool.create("upgrade");
  concourse = await deployConcourse(tool, { units: 4, version: OLD, agentVersion: "4.0" });
  survivor = new Survivor(concourse);
  const port = await firstFree(18_080);
  await tool.ok("expose", "-m", tool.model, APPLICATION, "--host-port", `${port}:8080`);
  poll = new WebPoll(`http://127.0.0.1:${port}`);
  await concourse.serveVersions(OLD, NEW);
  await survivor.ready();
}, 2 * PATIENCE);
afterAll(async () => {
  await poll.end();
  await tool.remove();
});

test("fetched while the old one runs, then the web, then one worker after the other", async () => {
  const { web, workers } = await concourse.roles();
  const generation = await generationOf(web);
  const [old = ""] = Object.keys(await survivor.releases());
  await concourse.throttle(4_000_000);
  poll.begin();
  const began = Date.now();
  await concourse.configure({ version: NEW });
  await expectAll(NEW);
  const answers = await poll.end();

  const releases = await survivor.releases();
  const published = Object.entries(releases).find(([name]) => name.startsWith(NEW))?.[1] ?? 0;
  expect(answers.filter(({ at, version }) => at < published && version !== OLD)).toEqual([]);
  // One gap, the web's own restart, and the new version behind it.
  const versions = answers.map(({ version }) => version).filter((version, i, all) => version !== all[i - 1]);
  expect(versions).toEqual([OLD, null, NEW]);

  const away = await Promise.all([web, ...workers].map((unit) => awayOf(unit, began)));
  expect(
    away.every(({ from }, i) => i === 0 || from >= (away[i - 1]?.to ?? 0)),
    JSON.stringify(away),
  ).toBe(true);
  expect(releases).toHaveProperty([old]);
  expect(await generationOf(web)).toBeGreaterThan(generation);
  expect(await survivor.failures()).toEqual([]);
});

test("a version that does not exist is named, and everything runs on", async () => {
  const before = await concourse.vitals();
  const leader = await concourse.leader();
  await concourse.configure({ version: "9.9.9" });
  await survivor.shows(leader, /9\.9\.9/);
  expect(await concourse.vitals()).toEqual(before);
  await concourse.configure({ version: NEW });
  await expectAll(NEW);
  expect(await concourse.vitals()).toEqual(before);
});

test("back to the old one, which is still there, past a worker's machine that is down", async () => {
  const { workers } = await concourse.roles();
  const [first = "", second = "", third = ""] = workers;
  const sent = await survivor.sent();
  await survivor.machine("stop", second);
  await concourse.configure({ version: OLD });
  await survivor.shows(first, ready(OLD));
  await survivor.shows(third, /^Waiting for its turn/);
  expect((await concourse.run(third, "true")).code).toBe(0);
  await survivor.machine("start", second);
  await expectAll(OLD);
  expect(await survivor.sent()).toBeLessThan(sent + 10_000);
  expect(await survivor.failures()).toEqual([]);
});

const ready = (version: string): RegExp => new RegExp(`^(Web server|Worker) ready \\(v${version}\\)`);

async function expectAll(version: string): Promise<void> {
  await tool.until(
    `everything on ${version}`,
    (status: StatusData) => {
      const units = Object.values(status.applications[APPLICATION]?.units ?? {});
      return units.every(({ workload, agent }) => ready(version).test(workload.message) && agent.current === "idle");
    },
    PATIENCE,
  );
  for (const { release } of Object.values(await concourse.vitals())) expect(release).toMatch(`${version}-`);
}

/** When the unit left its old version, and when it was ready with the new one. */
async function awayOf(unit: string, since: number): Promise<{ unit: string; from: number; to: number }> {
  const entries = (await concourse.history(unit)).filter((entry) => entry.since >= since);
  const from = entries.find(({ message }) => /^(Changing to|Starting (web server|worker)) /.test(message))?.since;
  const to = entries.find(({ message }) => ready(NEW).test(message))?.since;
  return { unit, from: from ?? Number.NaN, to: to ?? Number.NaN };
}

async function generationOf(unit: string): Promise<number> {
  const text = await concourse.inUnit(unit, "cat /var/lib/concourse-unit/followed.json");
  return (JSON.parse(text) as { cluster: { generation: number } }).cluster.generation;
}
