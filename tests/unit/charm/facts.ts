import { generateKeyPairSync } from "node:crypto";
import type { AgentState, Target } from "../../../src/agent/contract.ts";
import { AGENT_SERVICE, agentUnit, unitFile, WEB_SERVICE } from "../../../src/concourse/services.ts";
import { publicLine } from "../../../src/concourse/ssh-keys.ts";
import { NOT_RUNNING, type Facts, type LocalFacts, type Peers } from "../../../src/charm/facts.ts";
import { readOptions } from "../../../src/charm/options.ts";
import { AGENT_COMMAND } from "../../../src/charm/plan.ts";
import type { Cluster, UnitReport } from "../../../src/relations/peers.ts";
import { releaseName } from "../../../src/store/layout.ts";

/** Facts for tables: a unit in the middle of a healthy life, to be changed where a case differs. */

export const MODEL = "0b1c2d3e-4f50-4617-8290-a1b2c3d4e5f6";
export const PRIVATE_KEY = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({
  type: "pkcs1",
  format: "pem",
}) as string;
export const PUBLIC_KEY = publicLine(PRIVATE_KEY);

export const target: Target = {
  version: "7.14.3",
  arch: "amd64",
  sha256: "a".repeat(64),
  manifestSha256: "b".repeat(64),
};
export const RELEASE = releaseName(target);

export const cluster: Cluster = {
  generation: 4,
  mode: "auto",
  release: target,
  committed: [{ ...target, manifestSha256: "b".repeat(64), directory: releaseName(target) }],
  damaged: [],
  store: "store-1",
  fetcher: "ci/0",
  web: "ci/0",
  turn: null,
};

export const agent: AgentState = {
  schema: 1,
  sequence: 9,
  program: "p",
  store: { mounted: true, id: "store-1", writable: true, problem: null },
  lease: [RELEASE],
  leasing: [],
  resolved: null,
  fetch: null,
  fetchProblem: null,
  damaged: [],
  release: { sha256: target.sha256, name: RELEASE, manifestSha256: target.manifestSha256 ?? "", verified: true },
  workerPublicKey: PUBLIC_KEY,
  preflight: { installing: null, lacks: [] },
  trial: { pid: 9, problem: null },
  clusterSecretReady: false,
  database: null,
  web: null,
  probe: null,
  services: {},
  problems: {},
};

const agentUnitText = agentUnit(AGENT_COMMAND, "p");

export const local: LocalFacts = {
  arch: "amd64",
  occupant: null,
  claimed: true,
  stopped: false,
  program: "p",
  agentProgram: "p",
  userExists: true,
  orders: null,
  agent,
  followed: cluster,
  current: RELEASE,
  files: { [unitFile(AGENT_SERVICE)]: agentUnitText, "/etc/hosts": "127.0.0.1 localhost\n" },
  heeds: null,
  reloadPending: false,
  services: { [AGENT_SERVICE]: { ...NOT_RUNNING, active: "active", enabled: true, pid: 5 } },
  portTaken: null,
  resolver: { nameservers: ["10.0.0.1"], others: [] },
};

export const webReport: UnitReport = {
  generation: 4,
  running: RELEASE,
  ready: true,
  store: { id: "store-1", writable: true },
  published: { name: RELEASE, sha256: target.sha256, manifestSha256: target.manifestSha256 ?? "" },
  damaged: [],
  worker: null,
  lease: null,
  web: { answering: true, hostKey: PUBLIC_KEY, authorised: [], workers: [] },
};

export const workerReport: UnitReport = {
  ...webReport,
  published: null,
  worker: { name: "0b1c2d3e-ci-1", key: PUBLIC_KEY },
  web: null,
};

export const peers: Peers = {
  relation: "peers:0",
  cluster,
  secretUri: "secret://m/1",
  address: "10.1.1.10",
  report: webReport,
  others: [{ unit: "ci/1", address: "10.1.1.11", report: workerReport }],
};

/** The leader, web of two units. */
export const web: Facts = {
  environment: {
    unit: "ci/0",
    application: "ci",
    modelUuid: MODEL,
    charmDirectory: "/charm",
    event: { kind: "hook", name: "config-changed" },
    departingUnit: null,
    endedRelation: null,
    proxies: { http: null, https: null, none: null },
  },
  ...readOptions({ "shared-storage": "lxc", "initial-admin-username": "admin" }),
  leader: true,
  peers,
  flight: null,
  surplusFlights: [],
  ending: [],
  tsa: [],
  alive: ["ci/0", "ci/1"],
  departed: [],
  aliveBehindTsa: [],
  leaving: [],
  secret: {
    id: "1",
    exists: true,
    content: {
      "admin-password": "pw",
      "admin-password-hash": "$2b$10$abc",
      "session-signing-key": PRIVATE_KEY,
      "tsa-host-key": PRIVATE_KEY,
    },
  },
  database: {
    relation: "postgresql:1",
    requested: true,
    answer: { hosts: [{ host: "10.1.1.2", port: 5432 }], user: "u", password: "p", database: "concourse", ca: null },
    unreadable: null,
  },
  openedPorts: ["8080/tcp"],
  status: { status: "active", message: "" },
  local: {
    ...local,
    agent: {
      ...agent,
      database: { ready: true, host: "10.1.1.2", port: 5432, problem: null },
      web: { api: true, version: "7.14.3", database: true, workers: [], problem: null },
      services: { [WEB_SERVICE]: { active: "active", mainPid: 77, restarts: 0 } },
    },
    services: {
      ...local.services,
      [WEB_SERVICE]: {
        active: "active",
        enabled: true,
        pid: 77,
        since: 1000,
        restarts: 0,
        release: RELEASE,
        config: null,
      },
    },
  },
};

/** The other unit: a worker that does not lead. */
export const worker: Facts = {
  ...web,
  environment: { ...web.environment, unit: "ci/1" },
  leader: false,
  alive: null,
  aliveBehindTsa: null,
  peers: {
    ...peers,
    address: "10.1.1.11",
    report: workerReport,
    others: [{ unit: "ci/0", address: "10.1.1.10", report: webReport }],
  },
  secret: { id: null, exists: true, content: null },
  database: { relation: "postgresql:1", requested: true, answer: null, unreadable: null },
  openedPorts: [],
  local,
};

type Deep<T> = { [K in keyof T]?: T[K] extends object | null ? (Deep<NonNullable<T[K]>> & object) | T[K] : T[K] };

/** `base` with some leaves changed; arrays and null replace. */
export function change<T extends object>(base: T, difference: Deep<T>): T {
  const result: Record<string, unknown> = { ...(base as Record<string, unknown>) };
  for (const [key, value] of Object.entries(difference)) {
    const before = result[key];
    const nested = isPlain(value) && isPlain(before);
    result[key] = nested ? change(before, value) : value;
  }
  return result as T;
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
