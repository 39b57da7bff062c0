/** Several agents on one directory: one downloads while locks work; where they do not, all end with the same release. */

import { execFileSync } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { knownArchive, publishedIn, type KnownArchive } from "../fixtures/agent/archive.ts";
import { Place } from "../fixtures/agent/place.ts";
import { SlowMirror } from "../fixtures/agent/slow-mirror.ts";
import { installed, Unit, type UnitOptions } from "../fixtures/agent/unit.ts";
import { until } from "../fixtures/agent/until.ts";
import { leftovers } from "../fixtures/store/place.ts";

const SIZE = 20_000_000;
const EIGHT = Array.from({ length: 8 }, (_, number) => number);

let archive: KnownArchive;
let place: Place;
let mirror: SlowMirror;
let store: string;
let units: Unit[];
beforeEach(async () => {
  archive = await knownArchive(SIZE);
  place = new Place();
  mirror = await new SlowMirror(archive).listen();
  store = place.store();
  units = [];
});
afterEach(async () => {
  for (const unit of units) await unit[Symbol.asyncDispose]();
  await mirror[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

async function unit(number: number, options: Partial<UnitOptions> = {}): Promise<Unit> {
  const made = await Unit.create({ directory: place.directory, number, mirror: mirror.url, ...options });
  units.push(made);
  made.mount(store);
  made.order({ target: archive.target, fetch: true });
  return made;
}

function expectOneRelease(): void {
  expect(Object.values(publishedIn(store))).toEqual([archive.files]);
  expect(leftovers(store)).toEqual([]);
}

/** The first unit, in the middle of its download. */
async function downloading(speed: number): Promise<Unit> {
  mirror.speed = speed;
  const first = await unit(0);
  await first.start();
  await first.shows("a download", ({ fetch }) => fetch?.step === "downloading" && mirror.served > 1_000_000);
  return first;
}

const served = async (): Promise<boolean> => mirror.served > archive.bytes.length * 0.7;

test("eight agents at once, with equal process ids: one download", async () => {
  mirror.speed = SIZE;
  const rounds = inject("long") ? 10 : 2;
  for (let round = 0; round < rounds; round++) {
    store = place.store();
    mirror.downloads = 0;
    // In namespaces that are as young as one another they cannot be told apart by number, or hardly.
    const directory = join(place.directory, `round-${round}`);
    const all = await Promise.all(EIGHT.map((number) => unit(number, { directory })));
    await Promise.all(all.map((one) => one.start()));
    const pids = new Set(all.map(({ innerPid }) => innerPid));
    expect(pids.size).toBeLessThan(all.length);
    await Promise.all(all.map((one) => one.shows("the release", installed)));
    expect(mirror.downloads).toBe(1);
    // Whoever fetched may see it published before it has put everything away.
    expect(await until(async () => leftovers(store).length === 0, 30_000)).toBe(true);
    for (const one of all) await one[Symbol.asyncDispose]();
    units = [];
    expectOneRelease();
  }
});

test("locks that exclude nobody: everybody downloads, one release, nothing left, no problem shown", async () => {
  const all = await Promise.all(EIGHT.map((number) => unit(number, { locksExclude: false })));
  mirror.speed = SIZE * 4;
  await Promise.all(all.map((one) => one.start()));
  const states = await Promise.all(all.map((one) => one.shows("the release", installed)));
  expect(new Set(states.map(({ release }) => release?.manifestSha256)).size).toBe(1);
  expect(mirror.downloads).toBeGreaterThan(1);
  // Who came second still has to put away what it downloaded.
  expect(await until(async () => leftovers(store).length === 0, 30_000)).toBe(true);
  expectOneRelease();
});

test("a holder that is stopped keeps everybody out, is named, and goes on when it is continued", async () => {
  const first = await downloading(SIZE / 4);
  const second = await unit(1);
  await first.signal("SIGSTOP");
  await second.start();
  const waiting = await second.shows("the wait", ({ fetch }) => fetch?.step === "waiting");
  expect(waiting.fetch?.holder).toBe("0a1b2c3d-ci-0");
  expect(mirror.downloads).toBe(1);
  await first.signal("SIGCONT");
  await Promise.all([first, second].map((one) => one.shows("the release", installed)));
  expect(mirror.downloads).toBe(1);
  expectOneRelease();
});

test("a holder that is killed is followed at once", async () => {
  const first = await downloading(SIZE / 4);
  const second = await unit(1);
  await second.start();
  await second.shows("the wait", ({ fetch }) => fetch?.step === "waiting");
  await first.signal("SIGKILL");
  await second.shows("its own download", ({ fetch }) => fetch?.step === "downloading", 5_000);
  mirror.speed = 0;
  await second.shows("the release", installed);
  expect(Object.values(publishedIn(store))).toEqual([archive.files]);
  // What the dead unit left is its own to put away, when it is back.
  expect(leftovers(store)).not.toEqual([]);
  await first.start();
  await first.shows("the release", installed);
  expect(await until(async () => leftovers(store).length === 0, 10_000)).toBe(true);
});

test("a lock file that is replaced under its holder: both end with one release", async () => {
  const first = await downloading(SIZE / 3);
  writeFileSync(join(store, ".new-lock"), "");
  renameSync(join(store, ".new-lock"), join(store, ".install.lock"));
  const second = await unit(1);
  await second.start();
  await Promise.all([first, second].map((one) => one.shows("the release", installed)));
  expect(await until(async () => leftovers(store).length === 0, 10_000)).toBe(true);
  expectOneRelease();
  expect(execFileSync("find", [store, "-name", ".install.lock"], { encoding: "utf8" }).trim()).not.toBe("");
});

test("killed with the release fetched and not published, beside another that goes on", async () => {
  const first = await downloading(SIZE);
  expect(await until(served, 10_000)).toBe(true);
  const second = await unit(1);
  await second.start();
  await first.signal("SIGKILL");
  await first.start();
  await Promise.all([first, second].map((one) => one.shows("the release", installed)));
  expect(mirror.served).toBeLessThanOrEqual(2 * archive.bytes.length);
  expect(await until(async () => leftovers(store).length === 0, 10_000)).toBe(true);
  expectOneRelease();
});
