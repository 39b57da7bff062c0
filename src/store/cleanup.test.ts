import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { opened, type Place, place, treeOf } from "../../tests/fixtures/store/place.ts";
import { hostPorts } from "../host/ports.ts";
import type { Ports } from "../ports.ts";
import { cleanUp } from "./cleanup.ts";
import { StoreError } from "./errors.ts";
import { readLeases, removeLease, writeLease } from "./lease.ts";
import { takeLock } from "./lock.ts";
import type { Store } from "./types.ts";

const DIGESTS = ["a", "b", "c", "d"].map((digit) => digit.repeat(12));
const NAMES = DIGESTS.map((digest, index) => `7.14.${index}-linux-amd64-${digest}`);
const [current = "", previous = "", old = "", older = ""] = NAMES;

let here: Place;
let store: Store;
beforeEach(async () => {
  here = place();
  store = await opened(here.path);
  for (const name of NAMES) {
    mkdirSync(join(here.path, "releases", name, "bin"), { recursive: true });
    writeFileSync(join(here.path, "releases", name, "bin", "concourse"), name);
  }
});
afterEach(async () => {
  await store.close();
  await here[Symbol.asyncDispose]();
});

const releases = () => readdirSync(join(here.path, "releases")).toSorted();
const clean = (changes = {}, ports: Ports = hostPorts) =>
  cleanUp(ports, store, { keep: [current], dryRun: false, ...changes });

test("a lease is written once, read by all, and ends", async () => {
  await writeLease(hostPorts, store, "m1-app-0", [previous, current]);
  await writeLease(hostPorts, store, "m2-worker-3", []);
  const before = treeOf(here.path);
  await writeLease(hostPorts, store, "m1-app-0", [current, previous]);
  expect(treeOf(here.path)).toEqual(before);
  expect(await readLeases(store)).toEqual([
    { schema: 1, member: "m1-app-0", releases: [current, previous] },
    { schema: 1, member: "m2-worker-3", releases: [] },
  ]);
  await removeLease(store, "m1-app-0");
  await removeLease(store, "m1-app-0");
  expect(await readLeases(store)).toHaveLength(1);
});

test("what is kept or leased stays, the rest goes", async () => {
  await writeLease(hostPorts, store, "m1-app-0", [previous]);
  const bytes = old.length + older.length;
  const removed = [`releases/${old}`, `releases/${older}`];
  expect(await clean({ dryRun: true })).toEqual({ removed, bytes });
  expect(releases()).toEqual(NAMES);
  expect(await clean()).toEqual({ removed, bytes });
  expect(releases()).toEqual([current, previous]);
  expect(readdirSync(join(here.path, "trash"))).toEqual([]);
});

test("a release leased while it is on its way out comes back", async () => {
  await cleanUp(hostPorts, new Proxy(store, racingLease()), { keep: [current, previous], dryRun: false });
  expect(releases()).toEqual([current, previous, old]);
});

/** A unit that writes its lease just when the trash has been filled. */
function racingLease(): ProxyHandler<Store> {
  const root = new Proxy(store.root, {
    get(real, key) {
      const value: unknown = Reflect.get(real, key, real);
      if (key !== "openDirectory") return typeof value === "function" ? value.bind(real) : value;
      return async (name: string) => {
        if (name === "trash" && ++opens === 2) {
          await writeLease(hostPorts, store, "m1-app-1", [old]);
        }
        return real.openDirectory(name);
      };
    },
  });
  let opens = 0;
  return { get: (real, key) => (key === "root" ? root : (Reflect.get(real, key, real) as unknown)) };
}

test("a clean-up that was killed half-way is ended by the next one", async () => {
  const trash = (name: string) => join(here.path, "trash", `${name}.00000000-0000-4000-8000-000000000000`);
  mkdirSync(trash(old));
  mkdirSync(trash("8.0.0-linux-amd64-eeeeeeeeeeee"));
  await writeLease(hostPorts, store, "m1-app-0", [...NAMES, "8.0.0-linux-amd64-eeeeeeeeeeee"]);
  await clean();
  expect(releases()).toEqual([...NAMES, "8.0.0-linux-amd64-eeeeeeeeeeee"]);
  expect(readdirSync(join(here.path, "trash"))).toEqual([]);
});

test("nothing is removed while one lease cannot be read", async () => {
  mkdirSync(join(here.path, "worker", "m1-app-5"), { recursive: true });
  writeFileSync(join(here.path, "worker", "m1-app-5", "state.json"), "{");
  await expect(clean()).rejects.toMatchObject({ problem: { code: "lease-damaged", blocked: true } });
  expect(releases()).toEqual(NAMES);
});

test("a link planted in place of a lease is refused", async () => {
  symlinkSync("/etc", join(here.path, "worker", "m1-app-0"));
  await expect(writeLease(hostPorts, store, "m1-app-0", [])).rejects.toBeInstanceOf(StoreError);
  await expect(clean()).rejects.toMatchObject({ problem: { code: "planted" } });
});

test("who has not the lock leaves it alone", async () => {
  const held = await takeLock(hostPorts, store);
  expect(await clean()).toBeNull();
  await held?.release();
  expect(releases()).toEqual(NAMES);
});

test("orphans go when they are old, and not before", async () => {
  const files = ["partial", "staging"].map((name) =>
    join(here.path, name, "m1-app-9.00000000-0000-4000-8000-000000000000"),
  );
  for (const file of files) writeFileSync(file, "x");
  await clean({ keep: NAMES });
  expect(readdirSync(join(here.path, "staging"))).toHaveLength(1);
  for (const file of files) utimesSync(file, 0, 0);
  const later = { ...hostPorts, clock: { ...hostPorts.clock, now: () => Date.now() + 25 * 3_600_000 } };
  expect((await clean({ keep: NAMES }, later))?.removed).toHaveLength(2);
  expect(readdirSync(join(here.path, "staging"))).toEqual([]);
});
