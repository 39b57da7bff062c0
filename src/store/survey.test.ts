import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { opened, type Place, place } from "../../tests/fixtures/store/place.ts";
import { hostPorts } from "../host/ports.ts";
import { writeLease } from "./lease.ts";
import { takeLock } from "./lock.ts";
import { surveyStore } from "./survey.ts";
import type { Store } from "./types.ts";

const RELEASE = "7.14.3-linux-amd64-aaaaaaaaaaaa";
const SHA256 = "b".repeat(64);
const PARTIAL = `${SHA256}.m1-app-1.00000000-0000-4000-8000-000000000000`;

let here: Place;
let store: Store;
beforeEach(async () => {
  here = place();
  store = await opened(here.path);
  mkdirSync(join(here.path, "releases", RELEASE, "bin"), { recursive: true });
  writeFileSync(join(here.path, "releases", RELEASE, "bin", "concourse"), "12345");
  writeFileSync(join(here.path, "partial", PARTIAL), "123");
  const holder = {
    schema: 1,
    member: "m1-app-1",
    version: "7.14.4",
    sha256: SHA256,
    partial: PARTIAL,
    url: "http://m/a",
  };
  writeFileSync(join(here.path, "partial", "holder.json"), JSON.stringify({ ...holder, validator: null, total: 12 }));
  await writeLease(hostPorts, store, "m1-app-0", [RELEASE]);
});
afterEach(async () => {
  await store.close();
  await here[Symbol.asyncDispose]();
});

test("a store is told with releases, leases, download and what is unfinished", async () => {
  const survey = await surveyStore(hostPorts, store);
  expect(survey).toMatchObject({
    releases: [{ name: RELEASE, bytes: 5 }],
    leases: [{ member: "m1-app-0", releases: [RELEASE] }],
    locked: false,
    holder: { member: "m1-app-1", version: "7.14.4", total: 12 },
    fetched: 3,
    leftovers: [{ path: `partial/${PARTIAL}`, bytes: 3 }],
  });
  expect(survey.leftovers[0]?.age).toBeLessThan(60_000);
  expect(survey.free).toBeGreaterThan(0);
});

test("whether anybody has the lock is told, and nobody is kept from it", async () => {
  const held = await takeLock(hostPorts, store);
  expect((await surveyStore(hostPorts, store)).locked).toBe(true);
  await held?.release();
  expect((await surveyStore(hostPorts, store)).locked).toBe(false);
  const again = await takeLock(hostPorts, store);
  expect(again).not.toBeNull();
  await again?.release();
});

test("a lease that cannot be read does not hide the rest", async () => {
  writeFileSync(join(here.path, "worker", "m1-app-0", "state.json"), "torn");
  const { leases, releases } = await surveyStore(hostPorts, store);
  expect(leases).toContain("Unreadable lease");
  expect(releases).toHaveLength(1);
});

test("an empty store has nothing to tell", async () => {
  for (const name of ["releases", "partial", "staging", "worker"]) rmSync(join(here.path, name), { recursive: true });
  expect(await surveyStore(hostPorts, store)).toMatchObject({ releases: [], leases: [], holder: null, leftovers: [] });
});
