/** What disks do to an agent in the middle of an install: full, read-only, pulled out, exchanged. It ends by itself. */

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { knownArchive, publishedIn, type KnownArchive } from "../fixtures/agent/archive.ts";
import { Place } from "../fixtures/agent/place.ts";
import { SlowMirror } from "../fixtures/agent/slow-mirror.ts";
import { installed, STORE, Unit } from "../fixtures/agent/unit.ts";
import { leftovers } from "../fixtures/store/place.ts";
import { until } from "../fixtures/agent/until.ts";

const SIZE = 20_000_000;

let archive: KnownArchive;
let place: Place;
let mirror: SlowMirror;
let unit: Unit;
beforeEach(async () => {
  archive = await knownArchive(SIZE);
  place = new Place();
  mirror = await new SlowMirror(archive).listen();
  unit = await Unit.create({ directory: place.directory, number: 0, mirror: mirror.url });
  unit.order({ target: archive.target, fetch: true });
});
afterEach(async () => {
  await unit[Symbol.asyncDispose]();
  await mirror[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

async function downloading(): Promise<void> {
  await unit.start();
  await unit.shows("a download", ({ fetch }) => fetch?.step === "downloading" && mirror.served > 1_000_000);
}

test("a disk that is too small is told, leaves the store as it was, and is used once it has grown", async () => {
  unit.run("mount", "-t", "tmpfs", "-o", "size=16m,mode=0755", "tmpfs", STORE);
  unit.run("touch", `${STORE}/.lxc_shared_storage`);
  await unit.start();
  const full = await unit.shows("the full disk", ({ fetchProblem }) => fetchProblem !== null);
  expect(full.fetchProblem).toMatchObject({ code: "no-space" });
  expect(unit.run("ls", `${STORE}/releases`)).toBe("");
  expect(await until(async () => unit.run("ls", `${STORE}/staging`) === "", 10_000)).toBe(true);
  unit.run("mount", "-o", "remount,size=200m", STORE);
  await unit.shows("the release", installed);
});

test("a disk that others fill in mid-download", async () => {
  mirror.speed = SIZE / 3;
  unit.run("mount", "-t", "tmpfs", "-o", "size=100m,mode=0755", "tmpfs", STORE);
  unit.run("touch", `${STORE}/.lxc_shared_storage`);
  await downloading();
  unit.run("sh", "-c", `dd if=/dev/zero of=${STORE}/filler bs=1M 2>/dev/null; true`);
  const full = await unit.shows("the full disk", ({ fetchProblem }) => fetchProblem !== null);
  expect(full.fetchProblem?.code).toBe("no-space");
  expect(unit.run("ls", `${STORE}/releases`)).toBe("");
  unit.run("rm", `${STORE}/filler`);
  mirror.speed = 0;
  await unit.shows("the release", installed);
});

test("a disk that is mounted anew for reading only, then for writing again", async () => {
  mirror.speed = SIZE / 3;
  const store = place.store();
  unit.mount(store);
  await downloading();
  unit.unmount();
  unit.run("mount", "--bind", "--options", "ro", store, STORE);
  await unit.shows("the read-only store", ({ store: seen }) => seen.mounted && !seen.writable);
  expect(publishedIn(store)).toEqual({});
  unit.run("mount", "--options", "remount,bind,rw", STORE);
  mirror.speed = 0;
  await unit.shows("the release", installed);
  expect(Object.values(publishedIn(store))).toEqual([archive.files]);
  expect(await until(async () => leftovers(store).length === 0, 10_000)).toBe(true);
});

test("a disk that is pulled out: nothing below the mount point; another in its place is refused", async () => {
  mirror.speed = SIZE / 3;
  const store = place.store();
  const other = place.store();
  unit.mount(store);
  await downloading();
  const { store: seen } = await unit.shows("the store's id", ({ store: { id } }) => id !== null);
  unit.orderStore({ id: seen.id });
  unit.unmount();
  const gone = await unit.shows("the loss", ({ store: { mounted } }) => !mounted);
  expect(gone.store.problem?.code).toBe("not-mounted");
  expect(unit.run("ls", "-A", STORE)).toBe("");

  mkdirSync(join(other, "releases"));
  writeFileSync(join(other, "store.json"), '{"schema":1,"id":"11111111-1111-4111-8111-111111111111"}\n');
  const before = execFileSync("ls", ["-AR", other], { encoding: "utf8" });
  unit.mount(other);
  const wrong = await unit.shows("the other store", ({ store: { problem } }) => problem?.code === "other-store");
  expect(wrong.store.problem?.blocked).toBe(true);
  unit.unmount();
  unit.mount(store);
  mirror.speed = 0;
  await unit.shows("the release", installed);
  expect(Object.values(publishedIn(store))).toEqual([archive.files]);
  expect(leftovers(store)).toEqual([]);
  expect(execFileSync("ls", ["-AR", other], { encoding: "utf8" })).toBe(before);
  expect(readdirSync(join(other, "releases"))).toEqual([]);
});
