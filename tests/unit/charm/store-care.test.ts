/** What the charm decides about damaged releases, about those nobody needs, and about an operator's wishes. */
import { describe, expect, test } from "vitest";
import { WEB_SERVICE, WORKER_SERVICE } from "../../../src/concourse/services.ts";
import { fingerprint } from "../../../src/concourse/ssh-keys.ts";
import { mayCleanUp } from "../../../src/charm/clean-up.ts";
import { MOST_DAMAGED } from "../../../src/charm/damage.ts";
import type { Facts } from "../../../src/charm/facts.ts";
import { lead as decide } from "../../../src/charm/lead.ts";
import { ordersFor } from "../../../src/charm/orders.ts";
import { plan } from "../../../src/charm/plan.ts";
import { isReady } from "../../../src/charm/ready.ts";
import { report } from "../../../src/charm/report.ts";
import { status } from "../../../src/charm/status.ts";
import { leasedBeyond } from "../../../src/charm/store-actions.ts";
import type { Cluster, UnitReport } from "../../../src/relations/peers.ts";
import { change, cluster, PUBLIC_KEY, RELEASE, target, web, webReport, worker, workerReport } from "./facts.ts";
import { tsa } from "./two-applications.ts";

const REPAIRED = `${RELEASE}.2`;
const lead = (facts: Facts): Cluster | null => decide(facts, facts.peers?.report ?? null);
const leads = (committed: Cluster, own: UnitReport, other: UnitReport): Cluster | null =>
  lead(
    change(web, {
      peers: { cluster: committed, report: own, others: [{ unit: "ci/1", address: "10.1.1.11", report: other }] },
      local: { followed: committed },
    }),
  );
const harm = (release: string, programs = false) => ({ release, programs });

describe("a damaged copy", () => {
  const open: Cluster = {
    ...cluster,
    generation: 5,
    release: { ...target, manifestSha256: null },
    damaged: [harm(RELEASE)],
  };

  test("that any unit names is given up under a new generation, and a new one agreed on", () => {
    expect(leads(cluster, webReport, { ...workerReport, damaged: [harm(RELEASE)] })).toEqual(open);
    expect(leads(cluster, { ...webReport, damaged: [harm(RELEASE)] }, workerReport)).toEqual(open);
  });

  test("is not taken for the new one that replaces it", () => {
    expect(leads(open, webReport, workerReport)).toEqual(open);
    const { sha256, manifestSha256 } = webReport.published ?? { sha256: "", manifestSha256: "" };
    const done = { ...webReport, published: { name: REPAIRED, sha256, manifestSha256 } };
    expect(leads(open, done, workerReport)).toEqual({ ...open, generation: 6, release: target });
  });

  test("of another release, or one named again, changes nothing", () => {
    const known = { ...cluster, damaged: [harm(RELEASE)] };
    expect(leads(known, webReport, { ...workerReport, damaged: [harm(RELEASE)] })).toEqual(known);
    expect(leads(cluster, webReport, { ...workerReport, damaged: [harm("7.14.0-linux-amd64-dddddddddddd")] })).toEqual(
      cluster,
    );
  });

  test("after many others is not replaced any more, and the operator asked", () => {
    const many = Array.from({ length: MOST_DAMAGED }, (_, index) =>
      harm(`${RELEASE}${index === 0 ? "" : `.${index + 1}`}`),
    );
    const known = { ...cluster, damaged: many };
    const one = harm(`${RELEASE}.${MOST_DAMAGED + 1}`);
    expect(leads(known, webReport, { ...workerReport, damaged: [one] })).toEqual(known);
    const facts = change(web, { peers: { cluster: known }, local: { followed: known, agent: { damaged: [one] } } });
    expect(status(facts)).toMatchObject({ status: "blocked", message: expect.stringContaining("Copy after copy") });
  });

  test("is told by the unit, on a shared store only", () => {
    const found = change(web, { local: { agent: { damaged: [harm(RELEASE)] } } });
    expect(report(found).damaged).toEqual([harm(RELEASE)]);
    const own = change(found, { options: { sharedStorage: "none" } });
    expect(report(own).damaged).toEqual([]);
    expect(ordersFor(own)?.damaged).toEqual([RELEASE]);
  });

  test("is not used where somebody brings another one", () => {
    const facts = change(web, { peers: { cluster: open }, local: { followed: open } });
    expect(ordersFor(facts)).toMatchObject({ damaged: [RELEASE], quiet: true });
    const shared = { ...open, fetcher: null };
    expect(ordersFor(change(web, { peers: { cluster: shared }, local: { followed: shared } }))?.damaged).toEqual([]);
  });
});

describe("a new copy beside a damaged one", () => {
  /** A worker that runs from the first copy, and has the second whole before its eyes. */
  const running = (damaged: Cluster["damaged"], turn: string | null = null): Facts => {
    const now = { ...cluster, damaged, turn };
    const welcomed = change(worker, {
      peers: {
        cluster: now,
        others: [
          {
            unit: "ci/0",
            address: "10.1.1.10",
            report: change(webReport, {
              web: {
                authorised: [fingerprint(PUBLIC_KEY)],
                workers: [{ name: "0b1c2d3e-ci-1", since: 1000 }],
              },
            }),
          },
        ],
      },
      local: {
        followed: now,
        agent: { lease: [RELEASE, REPAIRED], release: { name: REPAIRED } },
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
      },
    });
    // The process was started with what it would be started with now.
    const first = change(welcomed, { local: { agent: { release: { name: RELEASE } } } });
    const environment = plan(first).find((step) => step.do === "write" && step.path.endsWith("worker.env"));
    const config = /CHARM_CONFIG="(.*)"/.exec(environment?.do === "write" ? environment.content : "")?.[1] ?? "";
    return change(welcomed, { local: { services: { [WORKER_SERVICE]: { config } } } });
  };
  const moves = (facts: Facts) =>
    plan(facts).flatMap((step) =>
      step.do === "link-release"
        ? [`link ${step.name}`]
        : step.do === "service"
          ? [`${step.verb} ${step.service}`]
          : [],
    );

  test("is linked at once, and the process that runs from the old one stays", () => {
    const facts = running([harm(RELEASE)]);
    expect(moves(facts)).toEqual([`link ${REPAIRED}`]);
    const linked = change(facts, { local: { current: REPAIRED } });
    expect(moves(linked)).toEqual([]);
    expect(isReady(linked)).toBe(true);
    expect(ordersFor(linked)?.store.lease).toEqual([RELEASE, REPAIRED]);
  });

  test("is changed to in turn, with a restart, where programs were damaged", () => {
    const damaged = [harm(RELEASE, true)];
    expect(moves(running(damaged))).toEqual([]);
    expect(moves(running(damaged, "ci/1"))).toEqual([`link ${REPAIRED}`, `restart ${WORKER_SERVICE}`]);
    expect(isReady(change(running(damaged, "ci/1"), { local: { current: REPAIRED } }))).toBe(false);
    const now = { ...cluster, damaged };
    expect(leads(now, webReport, workerReport)).toMatchObject({ turn: "ci/0" });
    expect(leads({ ...now, turn: "ci/0" }, { ...webReport, running: REPAIRED }, workerReport)).toMatchObject({
      turn: "ci/1",
    });
    const both = { ...webReport, running: REPAIRED };
    expect(leads({ ...now, turn: "ci/1" }, both, { ...workerReport, running: REPAIRED })).toMatchObject({ turn: null });
  });
});

describe("clean-up", () => {
  const others = (running: string | null) => ({
    peers: { others: [{ unit: "ci/1", address: "10.1.1.11", report: { ...workerReport, running } }] },
  });
  const cases: Record<string, readonly [Facts, boolean]> = {
    "by the fetcher, once every unit runs the target": [web, true],
    "also where units run another copy of it": [change(web, others(REPAIRED)), true],
    "not by another unit": [worker, false],
    "not while a unit runs another release": [change(web, others("7.14.2-linux-amd64-cccccccccccc")), false],
    "not while a unit runs none, or says nothing": [change(web, others(null)), false],
    "not while a unit is there that nobody has heard of": [change(web, { alive: ["ci/0", "ci/1", "ci/2"] }), false],
    "not while it cannot be told who is there": [change(web, { alive: null }), false],
    "not while a worker application's unit has said nothing": [change(web, { aliveBehindTsa: ["workers/0"] }), false],
    "whatever workers of another charm run": [
      change(web, {
        aliveBehindTsa: ["w/0"],
        tsa: [{ ...tsa, workers: [{ unit: "w/0", key: PUBLIC_KEY, word: null }] }],
      }),
      true,
    ],
    "not in a roll-out": [change(web, { peers: { cluster: { turn: "ci/1" } } }), false],
    "not while a release is open": [
      change(web, { peers: { cluster: { release: { ...target, manifestSha256: null } } } }),
      false,
    ],
    "not while this unit runs another": [change(web, { local: { current: "7.14.2-linux-amd64-cccccccccccc" } }), false],
    "of its own store by every unit": [change(worker, { options: { sharedStorage: "none" } }), true],
  };
  test.each(Object.entries(cases))("%s", (_, [facts, may]) => {
    expect(mayCleanUp(facts)).toBe(may);
    expect(ordersFor(facts)?.store.cleanUp).toBe(may);
  });
});

test("what units leased that are gone is given up by the fetcher, and by nobody else", () => {
  const departed = ["0b1c2d3e-ci-7"];
  expect(ordersFor({ ...web, departed })?.store.departed).toEqual(departed);
  expect(ordersFor({ ...worker, departed })?.store.departed).toBeUndefined();
});

test("what only a lease keeps is told with the lease's place", () => {
  const lease = { schema: 1, member: "m1-gone-0", releases: ["old", RELEASE] } as const;
  expect(leasedBeyond([RELEASE], [lease])).toBe("old by worker/m1-gone-0");
  expect(leasedBeyond([RELEASE, "old"], [lease])).toBe("nothing else");
});

test("a damaged copy is neither leased nor kept once nobody runs it and another one is there", () => {
  const repaired = { ...cluster, damaged: [{ release: RELEASE, programs: false }] };
  const facts = (current: string) =>
    change(web, {
      peers: { cluster: repaired },
      local: {
        followed: repaired,
        current,
        agent: { release: { name: REPAIRED } },
        services: { [WEB_SERVICE]: { release: current } },
      },
    });
  const store = (of: Facts) => ordersFor(change(of, { peers: { others: [] } }))?.store;
  expect(store(facts(RELEASE))).toMatchObject({ lease: [RELEASE, REPAIRED], keep: [] });
  expect(store(facts(REPAIRED))).toMatchObject({ lease: [REPAIRED], keep: [] });
});

test("an operator's wish stands from one reconcile to the next; that the lock is passed over ends with the fetch", () => {
  const orders = ordersFor(web);
  if (orders === null) throw new Error("no orders");
  const asked = (step: "waiting" | "published") =>
    ordersFor(
      change(web, {
        local: {
          orders: { ...orders, request: { id: "one", lock: false } },
          agent: { fetch: { version: "7.14.3", step, bytes: 0, total: null, rate: 0, holder: null } },
        },
      }),
    )?.request;
  expect(orders.request).toBeNull();
  expect(asked("waiting")).toEqual({ id: "one", lock: false });
  expect(asked("published")).toEqual({ id: "one", lock: true });
});
