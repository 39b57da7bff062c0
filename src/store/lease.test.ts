import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { opened, type Place, place, treeOf } from "../../tests/fixtures/store/place.ts";
import { hostPorts } from "../host/ports.ts";
import { cleanUp } from "./cleanup.ts";
import { dropLeases, holdLeases, readLease, readLeases, writeLease } from "./lease.ts";
import type { Store } from "./types.ts";

const [OLD, NEW] = ["7.14.3-linux-amd64-aaaaaaaaaaaa", "8.2.5-linux-amd64-bbbbbbbbbbbb"];
const UNIT = "m1-worker-0";

let here: Place;
let store: Store;
let other: Store;
beforeEach(async () => {
  here = place();
  store = await opened(here.path, "m1-web-0");
  const path = here.path;
  // Applications that are not related do not share a store: the second one is put on its list by hand.
  writeFileSync(join(path, "apps/m1-other.json"), "{}");
  other = await opened(path, "m1-other-0");
});
afterEach(async () => {
  await Promise.all([store.close(), other.close()]);
  await here[Symbol.asyncDispose]();
});

test("a lease that is held counts like a unit's own, and is written once", async () => {
  await holdLeases(hostPorts, store, [{ member: UNIT, releases: [NEW, OLD] }]);
  const before = treeOf(here.path);
  await holdLeases(hostPorts, store, [{ member: UNIT, releases: [OLD, NEW] }]);
  expect(treeOf(here.path)).toEqual(before);
  expect(await readLease(store, UNIT)).toEqual([OLD, NEW]);
  expect(await readLeases(store)).toEqual([{ schema: 1, member: UNIT, releases: [OLD, NEW] }]);
  mkdirSync(join(here.path, "releases", OLD));
  expect(await cleanUp(hostPorts, store, { keep: [], dryRun: false })).toEqual({ removed: [], bytes: 0 });
});

test("who is not listed loses it, and who is listed without releases keeps it", async () => {
  const [stays, goes] = [
    { member: UNIT, releases: [OLD] },
    { member: "m1-worker-1", releases: [OLD] },
  ];
  await holdLeases(hostPorts, store, [stays, goes]);
  await holdLeases(hostPorts, store, [{ member: UNIT, releases: null }]);
  expect(await readLeases(store)).toEqual([{ schema: 1, ...stays }]);
  await holdLeases(hostPorts, store, []);
  expect(readdirSync(join(here.path, "worker"))).toEqual([]);
});

test("of another model's units, whom nobody lists, only who is listed without any release loses it", async () => {
  const far = { member: "m2-worker-0", releases: [OLD] };
  await holdLeases(hostPorts, store, [far, { member: UNIT, releases: [OLD] }]);
  await holdLeases(hostPorts, store, []);
  expect(await readLeases(store)).toEqual([{ schema: 1, ...far }]);
  await holdLeases(hostPorts, store, [{ ...far, releases: [] }]);
  expect(readdirSync(join(here.path, "worker"))).toEqual([]);
});

test("nothing that is held shrinks or ends a unit's own lease, or what another application holds", async () => {
  await writeLease(hostPorts, store, UNIT, [OLD]);
  await holdLeases(hostPorts, other, [{ member: UNIT, releases: [NEW] }]);
  await holdLeases(hostPorts, store, [{ member: UNIT, releases: [] }]);
  expect(await readLease(store, UNIT)).toEqual([OLD, NEW]);
  await holdLeases(hostPorts, store, []);
  expect(await readLease(store, UNIT)).toEqual([OLD, NEW]);
});

test("names that lead elsewhere are not followed, and hold up nobody else", async () => {
  const victim = join(here.directory, "victim");
  mkdirSync(victim);
  symlinkSync(victim, join(here.path, "worker", UNIT));
  const leases = [
    { member: UNIT, releases: [OLD] },
    { member: "../../victim", releases: [OLD] },
    { member: "m1-worker-1", releases: [OLD] },
  ];
  await expect(holdLeases(hostPorts, store, leases)).rejects.toMatchObject({ problem: { code: "planted" } });
  expect(readdirSync(victim)).toEqual([]);
  expect(await readLease(store, "m1-worker-1")).toEqual([OLD]);
  rmSync(join(here.path, "worker", UNIT));
});

test("units that are gone lose what they leased for themselves, and nothing that others hold for them", async () => {
  const units = ["m1-web-0", "m1-web-1", "m1-web-10", "m1-web-x-0", "m1-other-0"];
  for (const unit of units) await writeLease(hostPorts, store, unit, [OLD]);
  await holdLeases(hostPorts, other, [{ member: "m1-web-1", releases: [NEW] }]);
  const before = treeOf(here.path);
  expect(await dropLeases(store, [])).toEqual(["m1-web-0", "m1-web-1", "m1-web-10"]);
  expect(treeOf(here.path)).toEqual(before);
  expect(await dropLeases(store, ["m1-web-1", "m1-web-10", "m1-web-11"])).toEqual(["m1-web-0", "m1-web-1"]);
  expect(await readLeases(store)).toEqual(
    ["m1-other-0", "m1-web-0", "m1-web-1", "m1-web-x-0"].map((member) => ({
      schema: 1,
      member,
      releases: [member === "m1-web-1" ? NEW : OLD],
    })),
  );
});
