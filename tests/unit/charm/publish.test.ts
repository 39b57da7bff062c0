import { describe, expect, test } from "vitest";
import { publication } from "../../../src/charm/publish.ts";
import { report } from "../../../src/charm/report.ts";
import { status } from "../../../src/charm/status.ts";
import { readApplicationBag } from "../../../src/relations/peers.ts";
import { NOT_RUNNING, type Facts } from "../../../src/charm/facts.ts";
import { WORKER_SERVICE } from "../../../src/concourse/services.ts";
import { fingerprint } from "../../../src/concourse/ssh-keys.ts";
import { change, cluster, PUBLIC_KEY, RELEASE, target, web, webReport, worker, workerReport } from "./facts.ts";

const published = (facts: Facts): ReturnType<typeof publication> => publication(facts, status(facts));
/** With what the unit has said being what it says now. */
const told = (facts: Facts): Facts => change(facts, { peers: { report: report(facts) }, status: status(facts) });

describe("what is there already is not written again", () => {
  test.each([
    ["web", web],
    ["worker", worker],
  ])("%s", (_, facts) => {
    expect(published(told(facts))).toMatchObject({ applicationBag: null, unitBag: null, status: null, version: null });
  });

  test("a generation that asks nothing of this unit is acknowledged with its next word", () => {
    const turned = change(told(worker), {
      peers: { cluster: change(cluster, { generation: 5 }) },
      local: { followed: change(cluster, { generation: 5 }) },
    });
    expect(published(turned).unitBag).toBeNull();
    const moved = change(turned, { local: { current: "8.2.5-linux-amd64-eeeeeeeeeeee" } });
    expect(published(moved).unitBag?.data["unit"]).toContain('"generation":5');
  });

  test("a unit that has nothing to say yet says nothing", () => {
    const fresh = change(worker, {
      peers: { cluster: null, report: null },
      local: { followed: null, agent: null, current: null },
    });
    expect(published(fresh).unitBag).toBeNull();
  });
});

describe("the cluster secret", () => {
  const leader = told(change(web, { secret: { id: null, exists: false, content: null }, peers: { secretUri: null } }));

  test("is made once, when the agent has made its contents", () => {
    expect(published(leader).addSecret).toBe(false);
    expect(published(change(leader, { local: { agent: { clusterSecretReady: true } } })).addSecret).toBe(true);
  });

  test("whose name was never written is named, not made again", () => {
    const orphan = change(leader, {
      secret: { id: "cafe", exists: true },
      local: { agent: { clusterSecretReady: true } },
    });
    const { addSecret, applicationBag } = published(orphan);
    expect(addSecret).toBe(false);
    expect(readApplicationBag(applicationBag?.data ?? {}).secret).toBe("secret:cafe");
  });
});

test("a leader whose options make no sense still replaces a web that is gone", () => {
  const gone = told(
    change(
      { ...web, mistakes: [{ option: "mode", message: "x" }] },
      { peers: { cluster: change(cluster, { web: "ci/7" }) }, local: { followed: null } },
    ),
  );
  expect(readApplicationBag(published(gone).applicationBag?.data ?? {}).cluster).toMatchObject({
    web: "ci/0",
    release: cluster.release,
  });
});

test("a unit that stops says nothing any more", () => {
  const stopped = change(told(web), {
    local: { stopped: true, current: null },
    peers: { others: [{ unit: "ci/1", address: null, report: workerReport }] },
  });
  expect(published(stopped)).toMatchObject({ applicationBag: null, unitBag: null, open: [], close: [] });
});

test("options that make no sense close no web's port, and a unit that is no web any more closes its own all the same", () => {
  const wrong = { ...web, mistakes: [{ option: "mode", message: "x" }] };
  expect(published(told(wrong)).close).toEqual([]);
  const moved = change(wrong, { peers: { cluster: { generation: 5, web: "ci/1" } } });
  expect(published(moved).close).toEqual(["8080/tcp"]);
});

describe("the application's version", () => {
  const ready = (facts: Facts): Facts =>
    change(told(facts), { status: { status: "maintenance", message: "Starting" } });
  const registered = change(worker, {
    peers: {
      others: [
        {
          unit: "ci/0",
          address: "10.1.1.10",
          report: change(webReport, {
            web: {
              authorised: [fingerprint(PUBLIC_KEY)],
              workers: [{ name: "0b1c2d3e-ci-1", since: 2000 }],
            },
          }),
        },
      ],
    },
    local: {
      services: { [WORKER_SERVICE]: { ...NOT_RUNNING, active: "active", pid: 9, since: 1000, release: RELEASE } },
    },
  });
  const inRollOut = { ...target, version: "8.2.5", sha256: "c".repeat(64) };

  test.each<[string, Facts, string | null]>([
    ["a web that gets ready tells what it runs", ready(web), "7.14.3"],
    ["a worker that gets ready as well: Juju may have lost it", ready(registered), "7.14.3"],
    [
      "but not a worker that runs the old one still",
      change(ready(registered), { peers: { cluster: change(cluster, { release: inRollOut }) } }),
      null,
    ],
    ["a new unit tells what the web runs", change(worker, { peers: { report: null } }), "7.14.3"],
    [
      "of a web that runs nothing yet there is nothing to tell",
      change(worker, {
        peers: {
          report: null,
          others: [{ unit: "ci/0", address: null, report: change(webReport, { running: null }) }],
        },
      }),
      null,
    ],
    ["whose status stays as it was says nothing", told(registered), null],
  ])("%s", (_, facts, version) => {
    expect(published(facts).version).toBe(version);
  });
});
