import { describe, expect, test } from "vitest";
import { AGENT_SERVICE, CONFIG_HASH, WEB_SERVICE, WORKER_SERVICE } from "../../../src/concourse/services.ts";
import type { Lack } from "../../../src/agent/contract.ts";
import { FILES } from "../../../src/concourse/settings.ts";
import { fingerprint } from "../../../src/concourse/ssh-keys.ts";
import type { Facts } from "../../../src/charm/facts.ts";
import { plan, type Step } from "../../../src/charm/plan.ts";
import { report } from "../../../src/charm/report.ts";
import { status } from "../../../src/charm/status.ts";
import { change, cluster, PUBLIC_KEY, RELEASE, target, web, webReport, worker, workerReport } from "./facts.ts";

/** What the facts look like once these steps are done: enough of a machine for a second plan. */
function after(facts: Facts, steps: readonly Step[]): Facts {
  let { local } = facts;
  for (const step of steps) {
    if (step.do === "write") local = change(local, { files: { [step.path]: step.content } });
    if (step.do === "remove") local = change(local, { files: { [step.path]: null } });
    if (step.do === "order") local = { ...local, orders: step.orders };
    if (step.do === "link-release") local = { ...local, current: step.name };
    if (step.do === "follow") local = { ...local, followed: step.cluster };
    if (step.do === "claim-machine") local = { ...local, claimed: true };
    if (step.do === "create-user") local = { ...local, userExists: true };
    if (step.do === "install-agent") local = { ...local, agentProgram: local.program };
    if (step.do === "mark-reload") local = { ...local, reloadPending: true };
    if (step.do === "reload-keys") local = { ...local, reloadPending: false };
    if (step.do === "service") {
      const file = step.service === WEB_SERVICE ? FILES.webEnvironment : FILES.workerEnvironment;
      const config = new RegExp(`^${CONFIG_HASH}="(.*)"$`, "m").exec(local.files[file] ?? "")?.[1] ?? null;
      const up = step.verb === "start" || step.verb === "restart";
      local = change(local, {
        services: {
          [step.service]: {
            active: up ? "active" : "inactive",
            enabled: up,
            pid: up ? 77 : 0,
            since: up ? 1000 : 0,
            restarts: 0,
            release: up ? local.current : null,
            config,
          },
        },
      });
    }
  }
  return { ...facts, local };
}

const settled = (facts: Facts): Facts => after(facts, plan(facts));
const verbs = (steps: readonly Step[]): string[] =>
  steps.flatMap((step) => (step.do === "service" ? [`${step.verb} ${step.service}`] : []));
const welcome = change(worker, {
  peers: {
    others: [
      {
        unit: "ci/0",
        address: "10.1.1.10",
        report: change(webReport, { web: { authorised: [fingerprint(PUBLIC_KEY)] } }),
      },
    ],
  },
});

describe("with unchanged facts a second reconcile plans nothing", () => {
  test.each<[string, Facts]>([
    ["web", web],
    ["worker", welcome],
    ["worker that is not let in yet", worker],
    ["web without a database", change(web, { database: { relation: null, answer: null } })],
    ["unit without peers yet", change(web, { peers: null, local: { followed: null, current: null } })],
    ["unit with wrong options", { ...web, mistakes: [{ option: "mode", message: "x" }] }],
    [
      "fresh machine",
      change(welcome, { local: { claimed: false, userExists: false, agentProgram: null, current: null, files: {} } }),
    ],
  ])("%s", (_, facts) => {
    expect(plan(settled(facts))).toEqual([]);
  });
});

describe("the web", () => {
  test("starts with its own settings and secrets, none on a command line or readable by others", () => {
    const steps = plan(
      change(web, { local: { services: { [WEB_SERVICE]: { active: "inactive", pid: 0, enabled: false } } } }),
    );
    expect(verbs(steps)).toEqual([`start ${WEB_SERVICE}`]);
    const written = steps.filter((step) => step.do === "write");
    for (const path of [FILES.webEnvironment, FILES.tsaHostKey, FILES.sessionSigningKey]) {
      expect(written.find((step) => step.path === path)).toMatchObject({ mode: 0o600 });
    }
  });

  test("is restarted when its database was made anew under it: only at its start it makes its tables", () => {
    const running = settled(web);
    const anew = (web: object, database: object): Facts => change(running, { local: { agent: { web, database } } });
    expect(verbs(plan(anew({ database: false }, { empty: true })))).toEqual([`restart ${WEB_SERVICE}`]);
    expect(verbs(plan(anew({}, { empty: true })))).toEqual([]);
    expect(verbs(plan(anew({ database: false }, {})))).toEqual([]);
    expect(status(anew({ database: false }, { empty: true })).message).toMatch(/^The database is new and empty/);
  });

  test("keeps its turn until it follows the builds again that run", () => {
    const turn = { peers: { cluster: change(cluster, { turn: "ci/0" }) }, local: { followed: null } };
    const running = change(settled(web), turn);
    expect(report(running).ready).toBe(false);
    expect(report(change(running, { local: { agent: { web: { tracks: true } } } })).ready).toBe(true);
    expect(report(settled(web)).ready).toBe(true);
  });

  test("is restarted when what it runs with has changed, and only then", () => {
    const running = settled(web);
    expect(verbs(plan(running))).toEqual([]);
    const silent = change(running, { options: { logLevel: "debug" }, local: { agent: { web: { api: false } } } });
    expect(verbs(plan(silent))).toEqual([`restart ${WEB_SERVICE}`]);
  });

  test("takes a new worker's key by a reload, not a restart", () => {
    const running = settled(web);
    const joined = change(running, {
      peers: {
        others: [
          ...(running.peers?.others ?? []),
          {
            unit: "ci/2",
            address: "10.1.1.12",
            report: change(workerReport, { worker: { name: "n", key: `${PUBLIC_KEY} comment` } }),
          },
        ],
      },
    });
    const steps = plan(joined);
    expect(steps.map((step) => step.do).filter((kind) => kind !== "order")).toEqual([
      "mark-reload",
      "write",
      "reload-keys",
    ]);
  });

  test("leaves the keys file alone while it starts: an early SIGHUP would end it", () => {
    const starting = change(settled(web), { local: { agent: { web: { api: false } } }, peers: { others: [] } });
    expect(plan(starting).some((step) => step.do === "write")).toBe(false);
  });

  test("keeps running when the database is lost, and is not restarted meanwhile", () => {
    const lost = change(settled(web), {
      local: { agent: { database: { ready: false } } },
      options: { logLevel: "debug" },
    });
    expect(verbs(plan(lost))).toEqual([]);
  });

  test("stops without a relation", () => {
    const unrelated = change(settled(web), { database: { relation: null, answer: null } });
    expect(plan(unrelated)).toEqual([{ do: "service", service: WEB_SERVICE, verb: "stop" }]);
  });

  test.each([
    ["keeps its unit while it stops: systemd reads there how", "deactivating", 10, false],
    ["forgets its secrets once it is down", "inactive", 0, true],
    ["forgets them also if it failed as it stopped", "failed", 0, true],
  ])("%s", (_, active, pid, forgets) => {
    const stopping = change(settled(web), {
      database: { relation: null, answer: null },
      local: { services: { [WEB_SERVICE]: { active, enabled: false, pid } } },
    });
    const steps = plan(stopping);
    expect(verbs(steps)).toEqual([]);
    const removed = steps.flatMap((step) => (step.do === "remove" ? [step.path] : []));
    expect([FILES.webEnvironment, FILES.tsaHostKey].every((path) => removed.includes(path))).toBe(forgets);
    if (forgets) expect(plan(settled(stopping))).toEqual([]);
    else expect(steps).toEqual([]);
  });

  test("a bad worker key is left out of the file", () => {
    const bad = change(web, {
      peers: {
        others: [
          { unit: "ci/1", address: null, report: change(workerReport, { worker: { key: "ssh-ed25519 AAAA" } }) },
        ],
      },
    });
    const file = plan(bad).find((step) => step.do === "write" && step.path === FILES.authorizedKeys);
    expect(file).toMatchObject({ content: "" });
  });
});

describe("a worker", () => {
  test("starts only once its key is let in", () => {
    expect(verbs(plan(worker))).toEqual([]);
    expect(verbs(plan(welcome))).toEqual([`start ${WORKER_SERVICE}`]);
  });

  test("is not restarted when the web moves: only its hosts entry changes", () => {
    const running = settled(welcome);
    const moved = change(running, {
      peers: { others: [{ unit: "ci/0", address: "10.1.1.99", report: running.peers?.others[0]?.report ?? null }] },
    });
    expect(plan(moved).map((step) => step.do)).toEqual(["write"]);
  });

  test("goes on when the web is away", () => {
    const away = change(settled(welcome), {
      peers: {
        others: [
          {
            unit: "ci/0",
            address: "10.1.1.10",
            report: change(webReport, { web: { answering: false, authorised: [] } }),
          },
        ],
      },
    });
    expect(verbs(plan(away))).toEqual([]);
  });

  test("waits for the look at what builds need of its machine, and for what Concourse does not start without", () => {
    const preflight = (lacks: readonly Lack[] | null) =>
      verbs(plan(change(welcome, { local: { agent: { preflight: lacks && { installing: null, lacks } } } })));
    const lack = (stops: Lack["stops"]): Lack => ({ name: "x", stops, message: "x" });
    expect(preflight(null)).toEqual([]);
    expect(preflight([lack("some"), lack("worker")])).toEqual([]);
    expect(preflight([lack("some"), lack("builds")])).toEqual([`start ${WORKER_SERVICE}`]);
    expect(preflight([])).toEqual([`start ${WORKER_SERVICE}`]);
  });

  test("that becomes the web stops its worker", () => {
    const promoted = change(settled(welcome), { peers: { cluster: change(cluster, { generation: 5, web: "ci/1" }) } });
    expect(verbs(plan(promoted))).toEqual([`stop ${WORKER_SERVICE}`]);
  });
});

describe("changed settings", () => {
  const registered = { name: "0b1c2d3e-ci-1", since: 1000 };
  const webSays = (difference: object): object => ({
    peers: {
      others: [
        {
          unit: "ci/0",
          address: "10.1.1.10",
          report: change(webReport, { web: { authorised: [fingerprint(PUBLIC_KEY)], ...difference } }),
        },
      ],
    },
  });
  const working = settled(change(worker, webSays({ workers: [registered] })));
  const debug = { options: { logLevel: "debug" } } as const;
  const turnOf = (unit: string | null, restart: boolean): object => ({
    peers: { cluster: change(cluster, { turn: unit }), report: change(workerReport, restart ? { restart } : {}) },
  });

  test.each([
    ["of a unit that works wait", {}, []],
    ["wait while it is another unit's turn", turnOf("ci/0", true), []],
    ["are taken up on its turn", turnOf("ci/1", true), [`restart ${WORKER_SERVICE}`]],
    ["wait on a turn that it has had for something else", turnOf("ci/1", false), []],
    [
      "wait while its web is silent, for its own restart it may be",
      webSays({ workers: [registered], answering: false }),
      [],
    ],
    ["of a worker that no web lists are taken up at once", webSays({ workers: [] }), [`restart ${WORKER_SERVICE}`]],
    [
      "of a worker that began after the web's last word are taken up at once",
      webSays({ workers: [{ ...registered, since: 999 }] }),
      [`restart ${WORKER_SERVICE}`],
    ],
    [
      "of a process that has ended are taken up by the next",
      { local: { services: { [WORKER_SERVICE]: { active: "inactive", pid: 0 } } } },
      [`start ${WORKER_SERVICE}`],
    ],
  ])("%s", (_, difference, expected) => {
    const changed = change(change(working, debug), difference);
    expect(verbs(plan(changed))).toEqual(expected);
    expect(report(changed).restart ?? false).toBe(verbs(plan(changed)).length === 0 || hasTurn(changed));
  });

  const hasTurn = (facts: Facts): boolean =>
    facts.peers?.cluster?.turn === "ci/1" && facts.peers.report?.restart === true;

  test("are written all the same: a process that ends by itself comes back with them", () => {
    const steps = plan(change(working, debug));
    expect(steps.map((step) => step.do)).toEqual(["write"]);
    expect(plan(change(settled(change(working, debug)), debug))).toEqual([]);
  });

  test("that are the old ones again need no restart", () => {
    expect(report(change(working, debug)).restart).toBe(true);
    expect(report(working).restart).toBeUndefined();
  });
});

describe("a release", () => {
  const next = { ...target, version: "8.2.5", sha256: "e".repeat(64) };
  const nextName = "8.2.5-linux-amd64-eeeeeeeeeeee";
  const upgrade = (turn: string | null, agentDifference: object = {}): Facts =>
    change(settled(welcome), {
      peers: { cluster: change(cluster, { generation: 5, release: next, turn }) },
      local: {
        agent: {
          lease: [RELEASE, nextName],
          release: { sha256: next.sha256, name: nextName, manifestSha256: next.manifestSha256 ?? "", verified: true },
          ...agentDifference,
        },
      },
    });
  const links = (facts: Facts): boolean => plan(facts).some((step) => step.do === "link-release");

  test("is changed to when it is this unit's turn, with a restart", () => {
    expect(links(upgrade("ci/1"))).toBe(true);
    expect(verbs(plan(upgrade("ci/1")))).toEqual([`restart ${WORKER_SERVICE}`]);
  });

  test.each([
    ["out of turn", upgrade("ci/0")],
    ["before the lease is written", upgrade("ci/1", { lease: [RELEASE] })],
    [
      "before it is verified",
      upgrade("ci/1", {
        release: { sha256: next.sha256, name: nextName, manifestSha256: next.manifestSha256, verified: false },
      }),
    ],
    [
      "with another manifest",
      upgrade("ci/1", {
        release: { sha256: next.sha256, name: nextName, manifestSha256: "f".repeat(64), verified: true },
      }),
    ],
  ])("is left alone %s", (_, facts) => {
    expect(links(facts)).toBe(false);
    expect(verbs(plan(facts))).toEqual([]);
  });

  test("a unit that has nothing yet takes it at once", () => {
    expect(links(change(upgrade(null), { local: { current: null } }))).toBe(true);
  });

  test("a lower generation is never followed", () => {
    const stale = change(settled(welcome), { peers: { cluster: change(cluster, { generation: 3, web: "ci/1" }) } });
    expect(plan(stale)).toEqual([]);
  });

  test("with the store away nothing is restarted", () => {
    const away = change(settled(web), {
      local: { agent: { store: { mounted: false } } },
      options: { logLevel: "debug" },
    });
    expect(verbs(plan(away))).toEqual([]);
  });
});

describe("once stop has begun", () => {
  test("only tear-down is planned, services first, and then nothing", () => {
    const stopped = change(settled(web), { local: { stopped: true } });
    const steps = plan(stopped);
    expect(verbs(steps)).toEqual([`end ${WEB_SERVICE}`, `end ${AGENT_SERVICE}`]);
    const done = after(stopped, steps);
    expect(plan(change(done, { local: { claimed: false } }))).toEqual([]);
  });

  // Its own departure has taken all peers out of its sight.
  test.each<[string, readonly string[] | null, boolean]>([
    ["stays while others do", ["ci/1"], false],
    ["goes with the last", [], true],
    ["stays where Juju cannot tell", null, false],
  ])("the application's name on the store %s", (_, alive, last) => {
    const leaving = { ...change(web, { local: { stopped: true }, peers: { others: [] } }), alive };
    expect(plan(leaving)).toContainEqual({ do: "give-up-lease", last });
  });
});

test("a second unit on the machine does nothing", () => {
  expect(plan(change(web, { local: { occupant: "other/0" } }))).toEqual([]);
});
