import { expect, test } from "vitest";
import { WEB_SERVICE, WORKER_SERVICE } from "../../../src/concourse/services.ts";
import { fingerprint } from "../../../src/concourse/ssh-keys.ts";
import type { Facts } from "../../../src/charm/facts.ts";
import { status } from "../../../src/charm/status.ts";
import { change, cluster, PUBLIC_KEY, RELEASE, web, webReport, worker } from "./facts.ts";

const problem = (message: string, blocked: boolean): { code: string; message: string; blocked: boolean } => ({
  code: "x",
  message,
  blocked,
});
const from = (report: object): Facts =>
  change(worker, {
    peers: {
      others: [
        { unit: "ci/0", address: "10.1.1.10", report: change(webReport, { web: { ...webReport.web, ...report } }) },
      ],
    },
  });
const runningWorker = {
  services: {
    [WORKER_SERVICE]: {
      active: "active",
      enabled: true,
      pid: 9,
      since: 1000,
      restarts: 0,
      release: RELEASE,
      config: null,
    },
  },
};
const unfetched = change(cluster, { release: { manifestSha256: null } });

/** Every row is an operator's situation; texts of the seed are kept to the letter. */
test.each<[string, Facts, string, string]>([
  ["web ready", web, "active", "Web server ready (v7.14.3) - port 8080"],
  [
    "worker ready",
    change(from({ workers: [{ name: "0b1c2d3e-ci-1", since: 1000 }] }), { local: runningWorker }),
    "active",
    "Worker ready (v7.14.3)",
  ],
  [
    "worker not registered",
    change(from({ authorised: [fingerprint(PUBLIC_KEY)] }), { local: runningWorker }),
    "maintenance",
    "Starting worker (v7.14.3)",
  ],
  [
    "only the process before is registered",
    change(from({ workers: [{ name: "0b1c2d3e-ci-1", since: 999 }], authorised: [fingerprint(PUBLIC_KEY)] }), {
      local: runningWorker,
    }),
    "maintenance",
    "Starting worker (v7.14.3)",
  ],
  [
    "something that builds need is missing, though the worker is registered",
    change(from({ workers: [{ name: "0b1c2d3e-ci-1", since: 1000 }] }), {
      local: {
        ...runningWorker,
        agent: {
          preflight: {
            lacks: [
              { name: "little-space", stops: "some", message: "only 2048 MiB are free" },
              { name: "no-iptables", stops: "worker", message: "iptables is missing: juju exec -u <unit> x" },
            ],
          },
        },
      },
    }),
    "blocked",
    "Builds cannot run: iptables is missing: juju exec -u ci/1 x",
  ],
  [
    "worker that cannot make a volume, though it is registered",
    change(from({ workers: [{ name: "0b1c2d3e-ci-1", since: 1000 }] }), {
      local: {
        ...runningWorker,
        agent: { trial: { pid: 9, problem: "no volume can be made: operation not permitted" } },
      },
    }),
    "blocked",
    "Builds cannot run: no volume can be made: operation not permitted",
  ],
  [
    "the trial of the process before says nothing",
    change(from({ workers: [{ name: "0b1c2d3e-ci-1", since: 1000 }], authorised: [fingerprint(PUBLIC_KEY)] }), {
      local: { ...runningWorker, agent: { trial: { pid: 8, problem: "no volume can be made: x" } } },
    }),
    "maintenance",
    "Starting worker (v7.14.3)",
  ],
  [
    "what stops some builds is no status",
    change(worker, {
      local: { agent: { preflight: { lacks: [{ name: "x", stops: "some", message: "only 2048 MiB are free" }] } } },
    }),
    "waiting",
    "Waiting for ci/0 to let this worker in",
  ],
  [
    "a package is being installed",
    change(worker, { local: { agent: { preflight: { installing: "iptables" } } } }),
    "maintenance",
    "Installing iptables",
  ],
  [
    "worker that keeps ending",
    change(worker, {
      local: {
        agent: { services: { [WORKER_SERVICE]: { active: "activating", mainPid: 0, restarts: 9, recent: 4 } } },
      },
    }),
    "blocked",
    "Worker keeps ending (4 restarts): journalctl -u concourse-worker.service",
  ],
  [
    "worker that says why it ends",
    change(worker, {
      local: {
        agent: {
          services: {
            [WORKER_SERVICE]: { active: "activating", mainPid: 0, restarts: 4, recent: 4, cause: "no route to host" },
          },
        },
      },
    }),
    "blocked",
    "Worker keeps ending (4 restarts): no route to host; journalctl -u concourse-worker.service",
  ],
  [
    "restarts of long ago",
    change(worker, {
      local: { agent: { services: { [WORKER_SERVICE]: { active: "active", mainPid: 9, restarts: 9, recent: 0 } } } },
    }),
    "waiting",
    "Waiting for ci/0 to let this worker in",
  ],
  ["worker not let in", worker, "waiting", "Waiting for ci/0 to let this worker in"],
  [
    "web away",
    change(from({ answering: false, workers: [{ name: "0b1c2d3e-ci-1", since: 1000 }] }), { local: runningWorker }),
    "waiting",
    "Waiting for the web server on ci/0",
  ],
  [
    "process of another release",
    change(web, { local: { services: { [WEB_SERVICE]: { release: "7.14.2-linux-amd64-cccccccccccc" } } } }),
    "maintenance",
    "Starting web server (v7.14.3)",
  ],
  [
    "answer of an older process",
    change(web, { local: { services: { [WEB_SERVICE]: { pid: 78 } } } }),
    "maintenance",
    "Starting web server (v7.14.3)",
  ],
  [
    "a web that answers, and not for all",
    change(web, { local: { agent: { web: { database: false, problem: "/sky/issuer/token answered 500" } } } }),
    "waiting",
    "Web server: /sky/issuer/token answered 500: check PostgreSQL, then journalctl -u concourse-web.service",
  ],
  [
    "port taken",
    change(web, { local: { portTaken: 8080, agent: { web: { api: false } } } }),
    "blocked",
    "Port 8080 is taken by another program on this machine: juju config ci web-port=…, or end it (ss -ltnp)",
  ],
  [
    "no postgresql",
    change(web, { database: { relation: null, answer: null } }),
    "blocked",
    "PostgreSQL is required: juju integrate ci:postgresql postgresql",
  ],
  [
    "an endpoint that cannot be read, and no other",
    change(web, {
      database: { answer: null, unreadable: "an endpoint that cannot be read: h:x\u001b[2J" },
      local: { agent: { database: null } },
    }),
    "blocked",
    "PostgreSQL sent an endpoint that cannot be read: h:x?[2J",
  ],
  [
    "an endpoint that cannot be read, beside one that takes writes",
    change(web, { database: { unreadable: "an endpoint that cannot be read: h:x" } }),
    "active",
    "Web server ready (v7.14.3) - port 8080",
  ],
  [
    "postgresql removed, and Juju not rid of it yet",
    change(web, { database: { relation: null, answer: null }, ending: ["postgresql"] }),
    "waiting",
    "Waiting for the old relation to go, then: juju integrate ci:postgresql postgresql",
  ],
  [
    "postgresql lost",
    change(web, { local: { agent: { database: { ready: false, problem: problem("PostgreSQL is down", false) } } } }),
    "waiting",
    "PostgreSQL is down",
  ],
  [
    "no pgcrypto, and none needed",
    change(web, { local: { agent: { database: { problem: problem("pgcrypto refused", true) } } } }),
    "active",
    "Web server ready (v7.14.3) - port 8080",
  ],
  [
    "no pgcrypto, and needed",
    change(web, {
      peers: { cluster: change(cluster, { release: { version: "8.2.5" } }) },
      local: { followed: null, agent: { database: { problem: problem("pgcrypto refused", true) } } },
    }),
    "blocked",
    "pgcrypto refused",
  ],
  [
    "no mount",
    change(worker, { local: { agent: { store: { mounted: false } } } }),
    "waiting",
    "Waiting for shared storage mount: attach a disk with .lxc_shared_storage at /var/lib/concourse",
  ],
  [
    "store problem",
    change(worker, { local: { agent: { store: { problem: problem("Another store", true) } } } }),
    "blocked",
    "Another store",
  ],
  [
    "wrong option",
    {
      ...web,
      mistakes: [
        { option: "mode", message: '"x" is unknown, use auto' },
        { option: "tag", message: "y" },
      ],
    },
    "blocked",
    'Option mode: "x" is unknown, use auto (and tag). juju config ci mode=…',
  ],
  [
    "second unit on a machine",
    change(web, { local: { occupant: "other/0" } }),
    "blocked",
    "This machine already runs other/0: juju remove-unit ci/0, and add one on its own machine",
  ],
  [
    "fetching",
    change(web, {
      peers: { cluster: unfetched },
      local: {
        followed: null,
        current: null,
        agent: {
          release: null,
          fetch: { version: "7.14.3", step: "downloading", bytes: 73e6, total: 171e6, rate: 2.6e6, holder: null },
        },
      },
    }),
    "maintenance",
    "Downloading Concourse 7.14.3: 42% of 171 MB, 2.6 MB/s",
  ],
  [
    "another release was being fetched",
    change(web, {
      peers: { cluster: unfetched },
      local: {
        followed: null,
        current: null,
        agent: {
          release: null,
          fetch: { version: "7.14.2", step: "downloading", bytes: 73e6, total: 171e6, rate: 2.6e6, holder: null },
        },
      },
    }),
    "maintenance",
    "Checking Concourse 7.14.3",
  ],
  [
    "waiting for the fetcher",
    change(worker, {
      peers: { cluster: unfetched },
      local: { followed: null, current: null, agent: { release: null } },
    }),
    "waiting",
    "Waiting for ci/0 to download Concourse 7.14.3",
  ],
  [
    "looking up",
    change(web, { peers: { cluster: null }, local: { followed: null, current: null } }),
    "maintenance",
    "Looking up the Concourse release",
  ],
  [
    "digest wrong",
    change(web, { local: { agent: { fetchProblem: problem("Digest differs", true) } } }),
    "blocked",
    "Digest differs",
  ],
  ["stopping", change(web, { local: { stopped: true } }), "maintenance", "Stopping Concourse"],
])("%s", (_, facts, name, message) => {
  expect(status(facts)).toEqual({ status: name, message });
  expect(message.length).toBeLessThanOrEqual(120);
});
