import { expect, test } from "vitest";
import type { AgentState, Orders } from "./contract.ts";
import { NOTHING_FOUND, toState, type Findings } from "./findings.ts";
import { matters } from "./matters.ts";

const HASH = "ab".repeat(32);
const TARGET = { version: "7.14.3", arch: "amd64", sha256: HASH, manifestSha256: null } as const;
const RELEASE = { sha256: HASH, name: "7.14.3-linux-amd64-abababababab", manifestSha256: HASH, verified: false };
const PROBLEM = { code: "c", message: "m", blocked: false };
const FETCH = { version: "7.14.3", step: "downloading", bytes: 0, total: 100, rate: 0, holder: null } as const;
const WEB = { api: true, version: "7.14.3", database: true, workers: [], problem: null };

const orders = (change: Partial<Orders> = {}) => ({ fetch: false, target: null, ...change }) as Orders;
const state = (change: Partial<Findings> = {}, sequence = 1): AgentState =>
  toState({ ...NOTHING_FOUND, ...change }, sequence, "p");

const committed = orders({ target: { ...TARGET, manifestSha256: HASH } });

const WAKES: [string, Partial<Findings>, Partial<Findings>, Orders][] = [
  ["store", {}, { store: { mounted: true, id: "x", writable: true, problem: null } }, orders()],
  ["store", {}, { store: { mounted: false, id: null, writable: false, problem: PROBLEM } }, orders()],
  ["lease", {}, { lease: [] }, orders()],
  ["resolved", {}, { resolved: { asked: "", target: TARGET, problem: null } }, orders()],
  ["fetch", {}, { fetch: { ...FETCH, step: "waiting" } }, orders()],
  ["fetch", { fetch: { ...FETCH, step: "waiting" } }, { fetch: { ...FETCH, step: "waiting", holder: "x" } }, orders()],
  ["fetch problem", {}, { problems: { fetch: PROBLEM } }, orders()],
  ["fetch problem", { problems: { release: PROBLEM } }, {}, orders()],
  ["release", {}, { release: RELEASE }, committed],
  ["release", {}, { release: RELEASE }, orders({ fetch: true, target: TARGET })],
  ["release", { release: RELEASE }, { release: { ...RELEASE, verified: true } }, committed],
  ["release", { release: RELEASE }, {}, committed],
  ["worker key", {}, { workerPublicKey: "ssh-rsa A" }, orders()],
  ["cluster secret", {}, { clusterSecretReady: true }, orders()],
  ["database", {}, { database: { ready: true, host: "h", port: 1, problem: null } }, orders()],
  ["web", {}, { web: WEB }, orders()],
  ["web", { web: WEB }, { web: { ...WEB, workers: [{ name: "w", state: "running", since: 1 }] } }, orders()],
  ["web", { web: WEB }, { web: { ...WEB, database: false, problem: "refused" } }, orders()],
  ["probe", {}, { probe: { unit: "ci/1", silent: true } }, orders()],
  ["services", {}, { services: { s: { active: "active", mainPid: 1, restarts: 0 } } }, orders()],
  [
    "services",
    { services: { s: { active: "activating", mainPid: 0, restarts: 3 } } },
    { services: { s: { active: "activating", mainPid: 0, restarts: 4 } } },
    orders(),
  ],
  ["problems", {}, { problems: { lease: PROBLEM } }, orders()],
];

test.each(WAKES)("%s: %j to %j wakes", (row, before, after, ordered) => {
  expect(matters(state(before), state(after), ordered)).toEqual([row]);
});

const SILENT: [string, Partial<Findings>, Partial<Findings>, Orders][] = [
  ["bytes", { fetch: FETCH }, { fetch: { ...FETCH, bytes: 50, total: 200, rate: 3 } }, orders()],
  ["a download that begins", {}, { fetch: FETCH }, orders()],
  ["its end", { fetch: FETCH }, { fetch: { ...FETCH, step: "published" } }, orders()],
  ["unpacking", { fetch: FETCH }, { fetch: { ...FETCH, step: "unpacking" } }, orders()],
  ["a release before its manifest is committed", {}, { release: RELEASE }, orders({ target: TARGET })],
  [
    "verified before that",
    { release: RELEASE },
    { release: { ...RELEASE, verified: true } },
    orders({ target: TARGET }),
  ],
  [
    "another reason why the API is silent",
    { web: { ...WEB, api: false, problem: "ECONNREFUSED" } },
    { web: { ...WEB, api: false, problem: "ETIMEDOUT" } },
    orders(),
  ],
  ["another number", {}, {}, orders()],
];

test.each(SILENT)("%s wakes nobody", (_, before, after, ordered) => {
  expect(matters(state(before), state(after, 2), ordered)).toEqual([]);
});

test("a web's answer from before its restart is no answer", () => {
  const services = { "concourse-web.service": { active: "active", mainPid: 7, restarts: 0 } };
  expect(state({ web: WEB, webPid: 7, services }).web).toEqual(WEB);
  expect(state({ web: WEB, webPid: 6, services }).web).toMatchObject({ api: false, version: null, database: false });
});
