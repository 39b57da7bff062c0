/** What the application remembers of releases that it has agreed on, and what that is good for. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Target } from "../../../src/agent/contract.ts";
import type { Facts } from "../../../src/charm/facts.ts";
import { lead as decide, toResolve } from "../../../src/charm/lead.ts";
import { expectedTarget, MOST_REMEMBERED, previousRelease, remember, targetBehind } from "../../../src/charm/memory.ts";
import { ordersFor } from "../../../src/charm/orders.ts";
import { publication } from "../../../src/charm/publish.ts";
import { status } from "../../../src/charm/status.ts";
import { NO_CLUSTER, readApplicationBag, type Cluster, type Committed } from "../../../src/relations/peers.ts";
import { releaseName } from "../../../src/store/layout.ts";
import { change, cluster, RELEASE, target, web, webReport, worker } from "./facts.ts";
import { flight, remoteWorker } from "./two-applications.ts";

const lead = (facts: Facts): Cluster | null => decide(facts, facts.peers?.report ?? null);

const agreed = (version: string, digit: string): Committed => {
  const release = { version, arch: "amd64", sha256: digit.repeat(64), manifestSha256: `${digit}0`.repeat(32) } as const;
  return { ...release, directory: releaseName(release) };
};
const open = ({ version, arch, sha256 }: Target): Target => ({ version, arch, sha256, manifestSha256: null });
const [now = cluster.committed[0] as Committed] = cluster.committed;
const before = agreed("7.14.2", "c");
const next = agreed("7.14.4", "d");
const REPAIRED = `${RELEASE}.2`;

/** The leader whose application runs `committed.release`, and which is asked for a version. */
function asked(version: string, committed: Partial<Cluster> = {}, current: string = RELEASE): Facts {
  const value = { ...cluster, committed: [now, before], ...committed };
  return change(web, { options: { version }, peers: { cluster: value }, local: { followed: value, current } });
}
const answered = (facts: Facts, release: Target): Facts =>
  change(facts, {
    local: { agent: { resolved: { asked: release.version, target: open(release), problem: null } } },
  });

test.each([
  ["the release in use", RELEASE, now],
  ["a copy that repairs it", REPAIRED, now],
  ["the release before, while this unit waits for its turn", before.directory, before],
  ["one that nobody agreed on", next.directory, null],
])("what a unit runs is known with its manifest: %s", (_, directory, expected) => {
  const found = targetBehind(directory, { ...cluster, release: open(now), committed: [now, before] });
  expect(found?.manifestSha256 ?? null).toBe(expected?.manifestSha256 ?? null);
  expect(found?.sha256 ?? null).toBe(expected?.sha256 ?? null);
});

describe("a version that was agreed on before", () => {
  test("is chosen again without asking anybody, and only its own manifest will do", () => {
    const facts = asked(before.version);
    expect(toResolve(facts)).toBeNull();
    const decided = lead(facts) ?? NO_CLUSTER;
    expect(decided.release).toEqual(open(before));
    const followed = change(facts, { peers: { cluster: decided }, local: { followed: decided } });
    expect(ordersFor(followed)).toMatchObject({
      resolve: null,
      target: { sha256: before.sha256, manifestSha256: before.manifestSha256 },
    });
    // All units look for that one, whoever they are.
    const other = change(worker, { peers: { cluster: decided }, local: { followed: decided } });
    expect(ordersFor(other)?.target).toEqual(ordersFor(followed)?.target);
  });

  test.each([
    ["its own is agreed on again", before.manifestSha256, before.manifestSha256],
    ["that of a planted copy is not", "f".repeat(64), null],
  ])("of what is published as it, %s", (_, manifestSha256, expected) => {
    const published = { name: before.directory, sha256: before.sha256, manifestSha256 };
    const facts = change(asked(before.version, { release: open(before) }), { peers: { report: { published } } });
    expect(lead(facts)?.release?.manifestSha256).toBe(expected);
  });

  test("keeps its manifest while a damaged copy of it is replaced", () => {
    const report = { ...webReport, damaged: [{ release: RELEASE, programs: false }] };
    const decided = decide(web, report);
    expect(decided).toMatchObject({ release: open(target), damaged: report.damaged });
    expect(expectedTarget(decided)).toEqual(target);
    const planted = { name: REPAIRED, sha256: target.sha256, manifestSha256: "f".repeat(64) };
    const repairing = change(web, { peers: { cluster: decided ?? cluster }, local: { followed: decided } });
    expect(decide(repairing, { ...report, published: planted })?.release).toEqual(open(target));
    const whole = { ...planted, manifestSha256: target.manifestSha256 ?? "" };
    expect(decide(repairing, { ...report, published: whole })?.release).toEqual(target);
  });

  test.each<[string, Facts, object]>([
    [
      "by another archive that release-digest names",
      change(asked(before.version), { options: { releaseDigest: "e".repeat(64) } }),
      { version: before.version, arch: "amd64" },
    ],
    [
      "once its archive turned out to be another one by now",
      change(asked(before.version, { release: open(before) }), {
        local: { agent: { fetchProblem: { code: "digest-mismatch", message: "", blocked: true } } },
      }),
      { version: before.version, arch: "amd64" },
    ],
    ["of machines of another kind", change(asked(before.version), { local: { arch: "arm64" } }), { arch: "arm64" }],
  ])("is asked for anew: %s", (_, facts, expected) => {
    expect(toResolve(facts)).toMatchObject(expected);
  });

  test("stays the archive that the source names since it was asked anew", () => {
    const other = { ...before, sha256: "e".repeat(64) };
    const disproved = change(asked(before.version, { release: open(before) }), {
      local: { agent: { fetchProblem: { code: "digest-mismatch", message: "", blocked: true } } },
    });
    const decided = lead(answered(disproved, other)) ?? NO_CLUSTER;
    expect(decided.release).toEqual(open(other));
    const settled = asked(before.version, decided);
    expect(toResolve(settled)).toBeNull();
    expect(lead(settled)?.release).toEqual(open(other));
  });

  test("comes back by release-digest as well", () => {
    const again = { ...before, version: now.version };
    const facts = change(asked(now.version, { committed: [now, again] }), { options: { releaseDigest: again.sha256 } });
    expect(toResolve(facts)).toBeNull();
    expect(lead(facts)?.release).toEqual(open(again));
  });

  test("does not go before what the web application says", () => {
    const theirs = { ...open(before), sha256: "e".repeat(64) };
    const committed = { ...cluster, mode: "worker" as const, web: null, committed: [now, before] };
    const facts = change(remoteWorker, {
      flight: { ...flight, word: { release: theirs, store: "store-2" } },
      peers: { cluster: committed },
      local: { followed: committed },
    });
    expect(lead(facts)?.release).toEqual(theirs);
  });
});

describe("the release before", () => {
  const kept = (facts: Facts): string | null => previousRelease(lead(facts) ?? NO_CLUSTER);

  test("is the copy that ran, and the fetcher keeps and leases it", () => {
    const decided = lead(answered(asked(next.version, { committed: [now] }, REPAIRED), next));
    expect(decided).toMatchObject({ release: open(next), committed: [{ directory: REPAIRED }] });
    const facts = change(web, { peers: { cluster: decided }, local: { followed: decided } });
    expect(ordersFor(facts)?.store.keep).toContain(REPAIRED);
    expect(ordersFor(facts)?.store.lease).toContain(REPAIRED);
    const others = change(worker, { peers: { cluster: decided }, local: { followed: decided } });
    expect(ordersFor(others)?.store.lease).not.toContain(REPAIRED);
    const readOnly = change(facts, { local: { agent: { store: { writable: false } } } });
    expect(ordersFor(readOnly)?.store.lease).not.toContain(REPAIRED);
    expect(ordersFor(change(facts, { options: { sharedStorage: "none" } }))?.store.lease).not.toContain(REPAIRED);
  });

  test("is what ran, also where another one was asked for in between", () => {
    const between = agreed("7.14.1", "e");
    const unpublished = asked(next.version, { release: open(between) });
    expect(kept(answered(unpublished, next))).toBe(RELEASE);
    const published = asked(next.version, { release: between, committed: [between, now, before] });
    expect(kept(answered(published, next))).toBe(RELEASE);
  });

  test("is the one given up, on the way back to what still runs", () => {
    const value = { release: next, committed: [next, now, before] };
    expect(kept(asked(now.version, value))).toBe(next.directory);
    expect(kept(asked(now.version, { release: open(next) }))).toBe(before.directory);
  });
});

describe("the list of them", () => {
  test("is bounded, the release first, and never changes a manifest", () => {
    const releases = Array.from({ length: 40 }, (_, i) => agreed(`8.0.${i}`, (i % 16).toString(16)));
    const step = fc.record({ chosen: fc.nat(39), runs: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        let committed: readonly Committed[] = [];
        let current: string | null = null;
        let last: Target | null = null;
        for (const { chosen, runs } of steps) {
          const release = releases[chosen] as Committed;
          committed = remember({ ...cluster, release: last, committed }, release, current);
          const running = current;
          expect(committed[0]).toEqual(release);
          expect(committed.length).toBeLessThanOrEqual(MOST_REMEMBERED);
          expect(new Set(committed.map(({ directory }) => directory)).size).toBe(committed.length);
          if (running !== null) expect(committed.some(({ directory }) => directory === running)).toBe(true);
          expect(remember({ ...cluster, release, committed }, release, current)).toEqual(committed);
          for (const one of committed) expect(releases).toContainEqual(one);
          if (runs) current = release.directory;
          last = release;
        }
      }),
    );
  });

  test("outlives a leader: whoever leads next decides the same", () => {
    const value = { ...cluster, committed: [now, before] };
    const successor = change(web, { peers: { cluster: value }, local: { followed: value, current: null } });
    expect(lead(successor)).toEqual(value);
  });

  test("takes little room, and is read back as it was written", () => {
    const committed = Array.from({ length: MOST_REMEMBERED }, (_, i) => agreed(`10.10.1${i}`, i.toString(16)));
    const bag = publication(
      change(web, { options: { version: "10.10.10" }, peers: { cluster: { ...cluster, committed } } }),
      status(web),
    ).applicationBag;
    expect(bag?.data["cluster"]?.length).toBeLessThan(6_000);
    expect(readApplicationBag(bag?.data ?? {}).cluster?.committed).toHaveLength(MOST_REMEMBERED);
  });

  test("begins with what is committed where an earlier charm kept none", () => {
    const { committed: _, ...older } = cluster;
    const bag = { cluster: JSON.stringify({ schema: 1, ...older, previous: before.directory }) };
    const read = readApplicationBag(bag).cluster;
    expect(read).toMatchObject({ release: target, committed: [] });
    const upgraded = change(web, { peers: { cluster: read }, local: { followed: read } });
    expect(lead(upgraded)).toEqual({ ...cluster, generation: cluster.generation + 1 });
    const moving = answered(change(upgraded, { options: { version: next.version } }), next);
    expect(lead(moving)).toMatchObject({ release: open(next), committed: [now] });
  });
});
