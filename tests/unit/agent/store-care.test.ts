/** What the agent does for the store besides fetching: clean-up, a holder that is stuck, an operator's wish. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Orders } from "../../../src/agent/contract.ts";
import { makeArchive, mirrorOf, type TestArchive } from "./archive.ts";
import { MEMBER, MIRROR, STORE, World } from "./world.ts";

let archive: TestArchive;
let world: World;
beforeEach(async () => {
  archive = await makeArchive();
  world = new World();
});
afterEach(() => world.stop());

const store = (change: Partial<Orders["store"]> = {}): Orders["store"] => ({
  ...world.orders.store,
  kind: "private",
  ...change,
});
const releases = () => world.fs.names(`${STORE}/releases`);
const downloads = () => world.requests.filter((line) => line === `GET ${MIRROR}/${archive.name}`).length;

describe("clean-up", () => {
  const OLD = "7.14.1-linux-amd64-aaaaaaaaaaaa";
  const OLDER = "7.14.0-linux-amd64-bbbbbbbbbbbb";

  beforeEach(() => {
    for (const name of [OLD, OLDER]) {
      world.fs.makeDirectories(`${STORE}/releases/${name}`);
      world.fs.put(`${STORE}/releases/${name}/manifest.json`, "{}");
    }
    world.fs.put(`${STORE}/store.json`, '{"schema":1,"id":"00000000-0000-4000-8000-000000000000"}');
  });

  test("removes what nobody leases and the orders do not keep, when they say so", async () => {
    await world.start({ store: store({ keep: [OLD] }) });
    await world.clock.advance(120_000);
    expect(releases()).toEqual([OLDER, OLD]);
    world.order({ store: store({ keep: [OLD], cleanUp: true }) });
    await world.clock.advance(2_000);
    expect(releases()).toEqual([OLD]);
    expect(world.logged.some((line) => line.startsWith(`removed releases/${OLDER}`))).toBe(true);
    world.order({ store: store({ keep: [], cleanUp: true }) });
    await world.clock.advance(2_000);
    expect(releases()).toEqual([]);
  });

  test("keeps what any unit leases, this one included", async () => {
    world.fs.makeDirectories(`${STORE}/worker/other-ci-1`);
    const lease = { schema: 1, member: "other-ci-1", releases: [OLDER] };
    world.fs.put(`${STORE}/worker/other-ci-1/state.json`, JSON.stringify(lease));
    await world.start({ store: store({ cleanUp: true, lease: [OLD] }) });
    await world.clock.advance(120_000);
    expect(releases()).toEqual([OLDER, OLD]);
  });

  test("waits for the lock, and takes place once it is free", async () => {
    world.lockedBy = "somebody else";
    await world.start({ store: store({ cleanUp: true }) });
    await world.clock.advance(120_000);
    expect(releases()).toHaveLength(2);
    world.lockedBy = null;
    await world.clock.advance(61_000);
    expect(releases()).toEqual([]);
  });

  test("that cannot read a lease removes nothing, and says which", async () => {
    world.fs.makeDirectories(`${STORE}/worker/other-ci-1`);
    world.fs.put(`${STORE}/worker/other-ci-1/state.json`, "torn");
    await world.start({ store: store({ cleanUp: true }) });
    await world.clock.advance(30_000);
    expect(releases()).toHaveLength(2);
    expect(world.state.problems).toMatchObject({ cleanUp: { code: "lease-damaged", blocked: true } });
  });
});

describe("what a lease gives up", () => {
  const [STAYS, GOES] = ["7.14.3-linux-amd64-aaaaaaaaaaaa", "7.14.4-linux-amd64-bbbbbbbbbbbb"];
  const leased = (): readonly string[] =>
    (JSON.parse(world.fs.text(`${STORE}/worker/${MEMBER}/state.json`) ?? "") as { releases: string[] }).releases;

  beforeEach(async () => {
    await world.start({ store: store({ lease: [STAYS, GOES] }) });
    await world.clock.advance(1_000);
  });

  test("is told before it goes", async () => {
    expect(world.state.lease).toEqual([STAYS, GOES]);
    const untold: string[] = [];
    world.beforeCall = ({ method, path }) => {
      if (!leased().includes(GOES) && world.state.lease?.includes(GOES)) untold.push(`${method} ${path}`);
    };
    world.order({ store: store({ lease: [STAYS] }) });
    await world.clock.advance(10_000);
    expect([leased(), world.state.lease, untold]).toEqual([[STAYS], [STAYS], []]);
  });

  test("stays if the charm, which has moved to it on an earlier word, orders it before it can read that it goes", async () => {
    let orderedAgain = false;
    const gone: string[] = [];
    world.watches = false;
    world.beforeCall = ({ method, path }) => {
      if (!leased().includes(GOES)) gone.push(`${method} ${path}`);
      // The last moment at which it can still be read on the store's word.
      if (orderedAgain || method !== "rename" || path.startsWith(STORE)) return;
      orderedAgain = true;
      world.order({ store: store({ lease: [STAYS, GOES] }) });
    };
    world.order({ store: store({ lease: [STAYS] }) });
    await world.clock.advance(10_000);
    expect([orderedAgain, gone, leased()]).toEqual([true, [], [STAYS, GOES]]);
  });
});

test("the fetcher tells which units of its application lease, as they come, and gives up what those leased that are gone", async () => {
  const unit = (number: number) => `0a1b2c3d-ci-${number}`;
  const lease = (member: string) => {
    world.fs.makeDirectories(`${STORE}/worker/${member}`);
    world.fs.put(`${STORE}/worker/${member}/state.json`, JSON.stringify({ schema: 1, member, releases: [] }));
  };
  for (const member of [unit(7), "0a1b2c3d-other-7"]) lease(member);
  await world.start({ store: store({ leasesFor: [] }) });
  await world.clock.advance(6_000);
  expect(world.state.leasing).toEqual([MEMBER, unit(7)]);
  lease(unit(8));
  await world.clock.advance(6_000);
  expect(world.state.leasing).toEqual([MEMBER, unit(7), unit(8)]);
  world.order({ store: store({ leasesFor: [], departed: [unit(7), unit(8)] }) });
  await world.clock.advance(1_000);
  expect(world.state.leasing).toEqual([MEMBER]);
  expect(world.fs.names(`${STORE}/worker`)).toEqual([MEMBER, "0a1b2c3d-other-7"]);
  expect(world.untold()).toEqual([]);
});

test("a fetch that still runs as the store goes and comes back publishes all of it: nobody sweeps under its hands", async () => {
  const [publish, sweep] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const staging = `${STORE}/staging/`;
  let unlinked = 0;
  world.beforeCall = async ({ method, path }) => {
    if (method === "rename" && path.startsWith(staging) && world.fs.text(`${path}/manifest.json`) !== null)
      await publish.promise;
    if (method === "unlink" && /bin\//.test(path.slice(staging.length)) && unlinked++ > 0) {
      publish.resolve();
      await sweep.promise;
    }
  };
  world.answer = mirrorOf(world.clock, archive);
  await world.start({ store: store(), target: archive.target, fetch: true });
  await world.clock.advance(5_000);
  expect(releases()).toEqual([]);
  world.fs.put(`${STORE}/keys`, "in the way");
  await world.clock.advance(10_000);
  expect(world.state.store.problem).toMatchObject({ code: "planted" });
  world.fs.remove(`${STORE}/keys`);
  await world.clock.advance(10_000);
  publish.resolve();
  await world.clock.advance(1_000);
  const [name = ""] = releases();
  expect(world.fs.names(`${STORE}/releases/${name}/bin`)).toEqual(["concourse", "runc"]);
  sweep.resolve();
  await world.clock.advance(60_000);
  expect(world.state).toMatchObject({ fetch: { step: "published" }, release: { verified: true }, damaged: [] });
  expect([releases(), downloads()]).toEqual([[name], 1]);
  expect(world.fs.names(staging)).toEqual([]);
});

test("a file that was touched is read at the next look, long after all were read, though it looks the same", async () => {
  world.answer = mirrorOf(world.clock, archive);
  await world.start({ store: store(), target: archive.target, fetch: true });
  await world.clock.advance(600_000);
  const [name = ""] = releases();
  world.fs.put(`${STORE}/releases/${name}/resource-types/mock/resource_metadata.json`, "[]", 0o555);
  await world.clock.advance(30_000);
  expect(world.state.damaged).toMatchObject([{ release: name }]);
});

describe("a holder of the lock", () => {
  const partial = `${STORE}/partial/${"c".repeat(64)}.other-ci-1.00000000-0000-4000-8000-000000000001`;
  beforeEach(async () => {
    world.answer = mirrorOf(world.clock, archive);
    world.lockedBy = "other-ci-1";
    await world.start({ store: store(), target: archive.target, fetch: true });
    await world.clock.advance(1_000);
  });

  test("that does not move for ten minutes is named, with the action that goes on without it", async () => {
    await world.clock.advance(9 * 60_000);
    expect(world.state).toMatchObject({ fetch: { step: "waiting" }, fetchProblem: null });
    await world.clock.advance(75_000);
    expect(world.state.fetchProblem).toMatchObject({ code: "holder-stuck", blocked: true });
    expect(world.state.fetchProblem?.message).toContain("juju run ci/0 fetch-release lock=false");
    expect(releases()).toEqual([]);
    world.order({ request: { id: "one", lock: false } });
    await world.clock.advance(5_000);
    expect(world.state).toMatchObject({ fetch: { step: "published" }, fetchProblem: null });
    expect(world.lockedBy).toBe("other-ci-1");
    expect(world.untold()).toEqual([]);
  });

  test("that gets on is left alone, however long it takes", async () => {
    for (let minute = 1; minute <= 30; minute++) {
      world.fs.put(partial, "x".repeat(minute));
      await world.clock.advance(60_000);
      expect(world.state.fetchProblem).toBeNull();
    }
    expect(world.state.fetch).toMatchObject({ step: "waiting" });
  });

  test("that moves again clears it", async () => {
    await world.clock.advance(11 * 60_000);
    expect(world.state.fetchProblem).toMatchObject({ code: "holder-stuck" });
    world.fs.put(partial, "more");
    await world.clock.advance(12_000);
    expect(world.state.fetchProblem).toBeNull();
    world.lockedBy = null;
    await world.clock.advance(5_000);
    expect(world.state.fetch).toMatchObject({ step: "published" });
  });
});

describe("an operator's wish", () => {
  test("has a source asked at once that would have been asked in ten minutes", async () => {
    world.answer = async () => ({ status: 404 });
    await world.start({ store: store(), target: archive.target, fetch: true });
    await world.clock.advance(60_000);
    expect(world.state.fetchProblem).toMatchObject({ code: "unknown-version" });
    world.answer = mirrorOf(world.clock, archive);
    await world.clock.advance(60_000);
    expect(downloads()).toBe(1);
    world.order({ request: { id: "again", lock: true } });
    await world.clock.advance(3_000);
    expect(world.state).toMatchObject({ fetch: { step: "published" }, fetchProblem: null });
    expect(world.lockedBy === null || world.lockedBy === MEMBER).toBe(true);
  });

  test("has everything read at once: what no size or time shows is found", async () => {
    world.answer = mirrorOf(world.clock, archive);
    await world.start({ store: store(), target: archive.target, fetch: true });
    await world.clock.advance(25 * 60 * 60_000);
    world.order({ request: { id: "verify", lock: true } });
    await world.clock.advance(1_000);
    expect(world.state.damaged).toEqual([]);
    world.fs.put(`${STORE}/releases/${releases()[0]}/bin/runc`, "RUNC", 0o555);
    world.order({ request: { id: "verify again", lock: true } });
    await world.clock.advance(1_000);
    expect(world.state.damaged).toEqual([{ release: releases()[0], programs: true }]);
  });

  test("of an earlier life has nothing read at once: services start first", async () => {
    world.answer = mirrorOf(world.clock, archive);
    await world.start({ store: store(), target: archive.target, fetch: true });
    await world.clock.advance(60_000);
    await world.stop();
    const file = `${STORE}/releases/${releases()[0]}/resource-types/mock/resource_metadata.json`;
    world.fs.put(file, "[]", 0o555);
    await world.start({ request: { id: "long ago", lock: true } });
    await world.clock.advance(10_000);
    expect(world.state.damaged).toEqual([]);
    await world.clock.advance(60_000);
    expect(world.state.damaged).toEqual([{ release: releases()[0], programs: false }]);
  });
});
