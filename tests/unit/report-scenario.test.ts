/** The scenario spoken to a double of the `juju` command, with a web server that answers as Concourse's does. */

import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { reportOf } from "../../src/report/compose.ts";
import type { Engine } from "../../src/report/engine.ts";
import { Juju } from "../../src/report/juju.ts";
import { databaseOf } from "../../src/report/names.ts";
import { replay, type ReplayOptions } from "../../src/report/scenario.ts";
import { askWeb } from "../../src/report/web.ts";
import { request, START } from "../fixtures/report/evidence.ts";

const DOUBLE = fileURLToPath(import.meta.resolve("../fixtures/report/juju.ts"));
/** Each verb is a process of its own, and the machine may be busy. */
vi.setConfig({ testTimeout: 180_000 });

let directory: string;
let web: Server;
let url: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "double-"));
  mkdirSync(join(directory, "shared"));
  web = createServer((question, answer) => {
    const bodies: Record<string, unknown> = {
      "/api/v1/info": { version: "7.14.3", worker_version: "2.5" },
      "/sky/issuer/token": { access_token: "good" },
      "/api/v1/workers": [1, 2, 3].map((i) => ({ name: `m-${i}`, state: "running", version: "2.5" })),
    };
    const body = bodies[question.url ?? ""];
    const allowed = question.url !== "/api/v1/workers" || question.headers.authorization === "Bearer good";
    answer.writeHead(allowed ? 200 : 401).end(JSON.stringify(body));
  });
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  url = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
});
afterEach(() => {
  web.close();
  rmSync(directory, { recursive: true });
});

function engine(): Engine {
  const archive = "concourse-7.14.3-linux-amd64.tgz";
  return {
    words: ["env", `DOUBLE=${directory}`, process.execPath, DOUBLE],
    prepare: async () => ({
      model: "report",
      charm: "./x.charm",
      version: "7.14.3",
      ...databaseOf(),
      deployWords: ["--disk", "d"],
      exposeWords: [],
      url: () => url,
      hostDirectory: join(directory, "shared"),
      configuration: [],
      limitations: [],
    }),
    served: async () => ({ archive, size: 171e6, requests: [request(9, 24, `/${archive}`, 171e6, "10.0.0.10")] }),
    remove: async () => {},
  };
}

const options = (more: Partial<ReplayOptions> = {}): ReplayOptions => ({
  units: 4,
  patience: 60_000,
  signal: new AbortController().signal,
  say: () => {},
  ...more,
});

function calls(...verbs: string[]): string[][] {
  return readFileSync(join(directory, "calls"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as string[])
    .filter(([verb = ""]) => verbs.includes(verb));
}

test("two units, a release, PostgreSQL, three, four: in Juju's words", async () => {
  const evidence = await replay(engine(), options());
  expect(calls("deploy", "expose", "integrate", "add-unit", "config")).toEqual([
    ["deploy", "postgresql", "--channel", "16/stable"],
    [
      "deploy",
      "./x.charm",
      "concourse-ci-machine",
      "-n",
      "2",
      "--config",
      "shared-storage=lxc",
      "--config",
      "mode=auto",
      "--disk",
      "d",
    ],
    ["expose", "concourse-ci-machine"],
    ["integrate", "concourse-ci-machine:postgresql", "postgresql"],
    ["add-unit", "concourse-ci-machine"],
    ["add-unit", "concourse-ci-machine"],
    ["config", "concourse-ci-machine", "shared-storage"],
  ]);
  expect(evidence.lockSightings.map(({ holders, releases }) => [holders.length, releases.length])).toEqual([
    [0, 0],
    [1, 0],
    [0, 1],
  ]);
  expect(evidence.moments.published).toBe(START + 25_500);
  // Only the host's directory is empty here.
  const failing = reportOf(evidence).checks.filter((check) => check.holds !== true);
  expect(failing.map(({ name }) => name)).toEqual(["Host Directory"]);
});

test("a step that gets stuck is told and is the last one, and what there is is looked at all the same", async () => {
  writeFileSync(join(directory, "stuck"), "");
  const lines: string[] = [];
  const evidence = await replay(engine(), options({ patience: 6000, say: (line) => lines.push(line) }));
  expect(evidence.problems).toContainEqual(
    expect.stringMatching(/^integration: still waiting until 2 units and PostgreSQL active: .*not yet/),
  );
  expect(reportOf(evidence).checks.find(({ name }) => name === "Every Step")).toMatchObject({ holds: false });
  expect(lines.join("\n")).toContain("integration: still waiting");
  expect(Object.keys(evidence.looks)).toHaveLength(2);
  expect(calls("add-unit")).toEqual([]);
});

test("whoever wants to stop is obeyed at once, at whatever step", async () => {
  const stop = new AbortController();
  const say = (line: string): void => (line.startsWith("Integrating") ? stop.abort() : undefined);
  await expect(replay(engine(), options({ signal: stop.signal, say }))).rejects.toThrow(/abort/i);
  expect(calls("add-unit")).toEqual([]);
});

test("a verb that fails says what it said", async () => {
  const juju = new Juju(engine().words, "m", new AbortController().signal);
  await expect(juju.call("refuse")).rejects.toThrow("refuse ended with 1: ERROR refused");
  expect(calls("refuse")).toHaveLength(1);
});

test("what a controller refuses for a moment is asked of it again", async () => {
  const juju = new Juju(engine().words, "m", new AbortController().signal);
  await juju.call("falter");
  expect(calls("falter")).toHaveLength(3);
});

test("the web is asked as fly does, and what does not work is told without the password", async () => {
  const credentials = async () => ({ username: "admin", password: "not-so-secret" });
  const names = (await askWeb(url, credentials)).workers.map(({ name }) => name);
  expect(names).toEqual(["m-1", "m-2", "m-3"]);
  const answer = await askWeb(`${url}/elsewhere`, credentials);
  expect(answer).toMatchObject({ version: null, workers: [] });
  expect(answer.problem).not.toBe("");
  expect(JSON.stringify(answer)).not.toContain("not-so-secret");
});
