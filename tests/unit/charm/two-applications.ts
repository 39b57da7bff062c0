import type { Facts, Flight, Tsa } from "../../../src/charm/facts.ts";
import { fingerprint } from "../../../src/concourse/ssh-keys.ts";
import { agent, change, cluster, PUBLIC_KEY, RELEASE, target, web, webReport, worker, workerReport } from "./facts.ts";

/** Facts of two applications, for tables: `ci` with webs, `build` with workers that cannot write the store both have. */

export const WELCOME = { answering: true, authorised: [fingerprint(PUBLIC_KEY)], workers: [] };

const webUnit = (unit: string, address: string): Flight["webs"][number] => ({
  unit,
  hosts: `${address}:2222`,
  hostKeys: PUBLIC_KEY,
  version: null,
  word: { running: RELEASE, ...WELCOME },
});

export const flight: Flight = {
  relation: "flight:3",
  application: "ci",
  word: { release: target, store: "store-1" },
  webs: [webUnit("ci/0", "10.1.1.10"), webUnit("ci/1", "10.1.1.11")],
  told: {},
};

export const workerWord = { name: "0b1c2d3e-build-0", running: RELEASE, lease: [RELEASE] };

export const tsa: Tsa = {
  relation: "tsa:3",
  application: "build",
  otherModel: null,
  address: "10.1.1.10",
  workers: [{ unit: "build/0", key: PUBLIC_KEY, word: workerWord }],
  told: {},
  toldForAll: {},
};

const webCluster = change(cluster, { mode: "web" });

/** The leader of two webs. */
export const oneOfWebs: Facts = change(web, {
  options: { mode: "web" },
  peers: { cluster: webCluster, others: [{ unit: "ci/1", address: "10.1.1.11", report: webReport }] },
  tsa: [tsa],
  aliveBehindTsa: ["build/0"],
  local: { followed: webCluster },
});

const workerCluster = change(cluster, { mode: "worker", web: null, fetcher: null });

/** The leader of two workers behind them. */
export const remoteWorker: Facts = change(worker, {
  environment: { unit: "build/0", application: "build" },
  options: { mode: "worker" },
  leader: true,
  alive: ["build/0", "build/1"],
  aliveBehindTsa: [],
  secret: { id: null, exists: false, content: null },
  database: { relation: null },
  peers: {
    cluster: workerCluster,
    secretUri: null,
    address: "10.1.1.20",
    report: change(workerReport, { worker: null, store: { id: "store-1", writable: false }, lease: [RELEASE] }),
    others: [{ unit: "build/1", address: "10.1.1.21", report: change(workerReport, { worker: null }) }],
  },
  flight,
  local: { followed: workerCluster, agent: { ...agent, store: { ...agent.store, writable: false } } },
});
