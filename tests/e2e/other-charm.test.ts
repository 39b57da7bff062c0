/**
 * Webs and workers of ours with the other side of the Python charm of the same name, played by a charm in shell that says
 * what that one says: addresses, keys and a version in unit bags, and nothing else.
 */

import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packCharm } from "../../scripts/pack.ts";
import type { StatusData } from "../../src/model/state/types.ts";
import { publicLine } from "../../src/concourse/ssh-keys.ts";
import { packTinyCharm } from "../fixtures/tiny-charm.ts";
import { APPLICATION, ARCH, deployConcourse, WEB, WORKER, type Concourse } from "./concourse.ts";
import { PATIENCE } from "./survival.ts";
import { Tool, unitsOf } from "./tool.ts";

const [OLD, NEW] = ["7.14.3", "8.2.5"];
const METADATA = `name: theirs
summary: The other side
description: Says what it is told to say.
provides: { tsa: { interface: concourse-ci_tsa } }
requires: { flight: { interface: concourse-ci_tsa } }
resources: { blob: { type: file, filename: blob.txt, description: none } }
`;

let tool: Tool;
let concourse: Concourse;
let charm: string;
let mirror: string;

beforeAll(async () => {
  tool = await Tool.create("other-charm");
  charm = await packCharm(ARCH);
  concourse = await deployConcourse(tool, { charm, units: 1, version: OLD, storage: "none", config: { mode: "web" } });
  mirror = (await concourse.serveVersions(OLD, NEW)).url;
  const theirs = await packTinyCharm(join(tool.directory, "theirs.charm"), { "metadata.yaml": METADATA });
  for (const name of ["their-workers", "their-webs"]) await tool.ok("deploy", "-m", tool.model, theirs, name);
  await concourse.ask("integrate", { a: "their-workers:flight", b: `${APPLICATION}:tsa` });
  await concourse.ready(PATIENCE);
}, 2 * PATIENCE);
afterAll(() => tool.remove());

/** What the other charm's unit writes into its bag. */
function says(unit: string, endpoint: string, words: Readonly<Record<string, string>>): Promise<string> {
  const pairs = Object.entries(words).map(([key, value]) => `'${key}=${value}'`);
  return concourse.inUnit(unit, `relation-set -r $(relation-ids ${endpoint}) ${pairs.join(" ")}`);
}

/** The bag of a unit of ours as the other charm's unit reads it, without what Juju puts there. */
async function hears(unit: string, endpoint: string, ours: string): Promise<Record<string, string>> {
  const script = `relation-get -r $(relation-ids ${endpoint}) --format=json - ${ours}`;
  const bag = JSON.parse(await concourse.inUnit(unit, script)) as Record<string, string>;
  const byJuju = ["egress-subnets", "ingress-address", "private-address"];
  return Object.fromEntries(Object.entries(bag).filter(([key]) => !byJuju.includes(key)));
}

const news = (): Promise<string> =>
  concourse.inUnit("their-workers/0", "grep -c flight-relation-changed /var/lib/tiny/trace");

test("their worker is let in without a restart, and hears of our web once", async () => {
  const web = `${APPLICATION}/0`;
  const pid = await concourse.mainPid(web, WEB);
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  const key = publicLine(privateKey);
  await says("their-workers/0", "flight", { "worker-public-key": `${key} root@worker` });
  const authorised = (): Promise<string> => concourse.inUnit(web, "cat /etc/concourse/authorized_worker_keys");
  await expect.poll(authorised, { timeout: PATIENCE }).toContain(key);
  expect(await concourse.mainPid(web, WEB)).toBe(pid);

  const heard = await hears("their-workers/0", "flight", web);
  expect(heard).toEqual({
    "tsa-host": expect.stringMatching(/^[\d.]+:2222$/) as string,
    "tsa-public-key": expect.stringMatching(/^ssh-rsa \S+$/) as string,
  });
  const before = await news();
  await concourse.configure({ version: NEW });
  await concourse.untilStatus(web, new RegExp(`Web server ready \\(v${NEW}\\)`), PATIENCE);
  // Every change would have restarted their worker, and its builds.
  expect(await hears("their-workers/0", "flight", web)).toEqual(heard);
  expect(await news()).toBe(before);
});

test("our worker follows their web, registers where that says, and changes with it", async () => {
  const config = { mode: "worker", "release-mirror": mirror };
  const words = Object.entries(config).flatMap(([key, value]) => ["--config", `${key}=${value}`]);
  await tool.ok("deploy", "-m", tool.model, charm, "worker", ...words);
  await concourse.ask("integrate", { a: "worker:flight", b: "their-webs:tsa" });
  await concourse.untilStatus("worker/0", /Waiting for their-webs to say which release it runs/, PATIENCE);
  // Behind their words stands our web, which can tell whether the worker came.
  const web = await hears("their-workers/0", "flight", `${APPLICATION}/0`);
  await says("their-webs/0", "tsa", { ...web, "concourse-version": OLD });
  await concourse.untilStatus("worker/0", new RegExp(`Worker ready \\(v${OLD}\\)`), PATIENCE);
  const bag = (): Promise<Record<string, string>> => hears("their-webs/0", "tsa", "worker/0");
  expect((await bag())["worker-public-key"]).toMatch(/^ssh-rsa \S+$/);
  await says("their-workers/0", "flight", { "worker-public-key": (await bag())["worker-public-key"] ?? "" });
  await expect.poll(registered, { timeout: PATIENCE, interval: 500 }).toMatch(/worker-0 running/);

  await says("their-webs/0", "tsa", { "concourse-version": NEW });
  await concourse.untilStatus("worker/0", new RegExp(`Worker ready \\(v${NEW}\\)`), PATIENCE);
  expect(await concourse.mainPid("worker/0", WORKER)).toBeGreaterThan(0);
  const status = await concourse.ask<StatusData>("status");
  expect(unitsOf(status)["worker/0"]?.agent.current).not.toBe("error");
});

/** The workers that our web lists. */
const registered = (): Promise<string> => concourse.act(`${APPLICATION}/0`, "check-status");
