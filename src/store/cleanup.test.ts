import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { opened, type Place, place, treeOf } from "../../tests/fixtures/store/place.ts";
import { hostPorts } from "../host/ports.ts";
import type { Dir, Ports } from "../ports.ts";
import { whyNotYet } from "./adopt.ts";
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
  const before = treeOf(here.path);
  expect(await clean({ dryRun: true })).toEqual({ removed, bytes });
  expect(treeOf(here.path)).toEqual({ ...before, ".install.lock": expect.any(String) });
  expect(await clean()).toEqual({ removed, bytes });
  expect(releases()).toEqual([current, previous]);
  expect(readdirSync(join(here.path, "trash"))).toEqual([]);
});

/** A root whose directories do something of their own; the rest is real. */
function rootWith(change: (dir: Dir, name: string) => Partial<Dir>, real: Dir = store.root, at = ""): Dir {
  const changed = change(real, at);
  return new Proxy(real, {
    get(_, key) {
      const own: unknown = Reflect.get(changed, key);
      if (own !== undefined) return own;
      if (key === "openDirectory")
        return async (name: string) => rootWith(change, await real.openDirectory(name), name);
      const value: unknown = Reflect.get(real, key, real);
      return typeof value === "function" ? value.bind(real) : value;
    },
  });
}

test("a release leased once it is on its way out comes back, and is not told to be gone", async () => {
  let moves = 0;
  const root = rootWith((dir, name) =>
    name === "releases"
      ? {
          rename: async (from, to, toName) => {
            await dir.rename(from, to, toName);
            if (++moves === 1) await writeLease(hostPorts, store, "m1-app-1", [from]);
          },
        }
      : {},
  );
  const done = await cleanUp(hostPorts, { ...store, root }, { keep: [current, previous], dryRun: false });
  expect(done).toEqual({ removed: [`releases/${older}`], bytes: older.length });
  expect(releases()).toEqual([current, previous, old]);
  expect(readdirSync(join(here.path, "trash"))).toEqual([]);
});

test.each([
  ["ENOSPC", "no-space"],
  ["EROFS", "read-only"],
])("where no mark can be made (%s) nothing is taken away", async (code, problem) => {
  const root = rootWith((_, name) =>
    name === "trash" ? { makeDirectory: () => Promise.reject(Object.assign(new Error(code), { code })) } : {},
  );
  const work = cleanUp(hostPorts, { ...store, root }, { keep: [current], dryRun: false });
  await expect(work).rejects.toMatchObject({ problem: { code: problem } });
  expect(releases()).toEqual(NAMES);
});

test("whenever a unit leases a release and finds that it may run from it, it stays from then on", async () => {
  const answers = new Set<string | null>();
  for (let at = 1, calls = at; calls >= at; at++) {
    await using another = place();
    const its = await opened(another.path);
    const release = join(another.path, "releases", old);
    mkdirSync(release);
    let may: string | null = "not yet";
    calls = 0;
    const before = async (): Promise<void> => {
      if (may === null) expect(existsSync(release)).toBe(true);
      if (++calls !== at) return;
      await writeLease(hostPorts, its, "m1-app-1", [old]);
      may = await whyNotYet(hostPorts, another.path, "m1-app-1", old);
      answers.add(may);
    };
    const root = rootWith((dir) => steps(dir, before), its.root);
    await cleanUp(hostPorts, { ...its, root }, { keep: [], dryRun: false });
    if (may === null) expect(existsSync(release)).toBe(true);
    expect(readdirSync(join(another.path, "trash"))).toEqual([]);
    await its.close();
  }
  expect([...answers].toSorted()).toEqual([`${old} is not there`, null]);
});

/** Something is done before each call that changes or reads names. */
function steps(dir: Dir, before: () => Promise<void>): Partial<Dir> {
  return {
    list: () => before().then(() => dir.list()),
    makeDirectory: (name, mode) => before().then(() => dir.makeDirectory(name, mode)),
    removeDirectory: (name) => before().then(() => dir.removeDirectory(name)),
    rename: (name, to, toName) => before().then(() => dir.rename(name, to, toName)),
    sync: () => before().then(() => dir.sync()),
    openFile: (name, access) => before().then(() => dir.openFile(name, access)),
  };
}

test("a clean-up that was killed half-way is ended by the next one", async () => {
  const moved = (name: string) =>
    mkdirSync(join(here.path, "trash", `${name}.00000000-0000-4000-8000-000000000000`, name), { recursive: true });
  moved(old);
  moved("8.0.0-linux-amd64-eeeeeeeeeeee");
  moved("8.1.0-linux-amd64-ffffffffffff");
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
