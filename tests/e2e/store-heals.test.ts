/**
 * A release that is damaged on the shared directory: found by itself or by an action, replaced by a copy beside it, and
 * no worker that runs from good files is restarted. Then: releases that nobody needs go.
 */

import { chmod, lstat, mkdir, open, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { APPLICATION, deployConcourse, MOUNT_POINT, WEB, WORKER, type Concourse, type Vitals } from "./concourse.ts";
import { Tool } from "./tool.ts";

const READY = /^active (Web server|Worker) ready/;
const HEALED_WITHIN = 180_000;

let tool: Tool;
let concourse: Concourse;
let web = "";
let workers: readonly string[] = [];
const shared = (...parts: string[]) => join(concourse.sharedDirectory, "releases", ...parts);

beforeAll(async () => {
  tool = await Tool.create("store-heals");
  concourse = await deployConcourse(tool, { units: 3 });
  await concourse.serveVersions("7.14.3", "7.14.4", "7.14.5");
  await concourse.ready();
  ({ web, workers } = await concourse.roles());
});
afterAll(() => tool.remove());

/** The release that every unit's link leads to; "" while they differ. */
async function linked(): Promise<string> {
  const names = new Set(Object.values(await concourse.vitals()).map(({ release }) => release));
  return names.size === 1 ? ([...names][0] ?? "") : "";
}

async function until(what: string, met: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + HEALED_WITHIN; !(await met()); await pause(500)) {
    if (Date.now() > end) throw new Error(`${what} did not happen`);
  }
}

/** Waits until all units' links lead to another copy and everything is ready. */
async function healed(before: string): Promise<string> {
  await until(`another copy than ${before}`, async () => !["", before].includes(await linked()));
  await concourse.ready();
  for (const unit of [web, ...workers]) await concourse.untilStatus(unit, READY);
  return linked();
}

const processes = (vitals: Readonly<Record<string, Vitals>>) =>
  Object.fromEntries(Object.entries(vitals).map(([unit, { web: one, worker }]) => [unit, { web: one, worker }]));

async function firstFile(...below: string[]): Promise<string> {
  const files = await readdir(shared(...below), { recursive: true, withFileTypes: true });
  const [file] = files.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  if (file === undefined) throw new Error(`no file below ${below.join("/")}`);
  return file;
}

/** As a disk does it that forgets: size and times stay. */
async function flipByte(path: string): Promise<void> {
  const { atime, mtime, size } = await lstat(path);
  const file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  const at = Math.floor(size / 2);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at);
  await file.utimes(atime, mtime);
  await file.close();
}

test.each([
  [
    "a byte flipped in a resource type",
    async (release: string) => flipByte(await firstFile(release, "resource-types")),
  ],
  ["a file of fly-assets cut short", async (release: string) => truncate(await firstFile(release, "fly-assets"), 10)],
  [
    "the manifest gone",
    async (release: string) => {
      await chmod(shared(release), 0o755);
      await rm(shared(release, "manifest.json"));
    },
  ],
])("%s heals by itself, and no process is restarted", async (_, harm) => {
  const before = await linked();
  const vitals = processes(await concourse.vitals());
  await harm(before);
  const after = await healed(before);
  expect(after.replace(/\.\d+$/, "")).toBe(before.replace(/\.\d+$/, ""));
  expect(processes(await concourse.vitals())).toEqual(vitals);
  expect(await concourse.act(web, "verify-release")).toContain("result: whole");
});

test("a flipped byte in bin/ is replaced, and those that run from there change over one by one", async () => {
  // Three copies went wrong already: a new version begins with a clean slate.
  await concourse.configure({ version: "7.14.4" });
  await until("7.14.4", async () => (await linked()).startsWith("7.14.4"));
  await concourse.ready();
  const before = await linked();
  const vitals = processes(await concourse.vitals());
  // No copy comes before the action has looked: others may have seen the damage, too.
  await concourse.throttle(1);
  await flipByte(shared(before, "bin", "containerd"));
  const said = await concourse.act(workers[0] ?? "", "verify-release");
  expect(said).toContain("failed: Damaged release: bin/containerd has other contents");
  await concourse.throttle(null);
  const after = await healed(before);
  expect(after).toBe(`${before}.2`);
  const now = processes(await concourse.vitals());
  for (const unit of [web, ...workers]) expect(now[unit]).not.toEqual(vitals[unit]);
  for (const [unit, service] of [[web, WEB], ...workers.map((name) => [name, WORKER])])
    expect((await concourse.inUnit(unit ?? "", `systemctl show --value --property=NRestarts ${service}`)).trim()).toBe(
      "0",
    );
});

test("releases that nobody runs or may want back go by themselves; the one before stays", async () => {
  await concourse.configure({ version: "7.14.5" });
  await until("7.14.5", async () => (await linked()).startsWith("7.14.5"));
  await concourse.ready();
  await until("the clean-up", async () => (await readdir(shared())).length === 2);
  const names = await readdir(shared());
  expect(names.map((name) => name.split("-")[0]).toSorted()).toEqual(["7.14.4", "7.14.5"]);
  expect(names.find((name) => name.startsWith("7.14.4"))).toMatch(/\.2$/);
  expect(await concourse.act(web, "clean-up-releases")).toContain("would-remove: nothing");
});

test("a new directory in place of the store: blocked until it is adopted, then it is filled", async () => {
  const leader = await concourse.leader();
  const other = join(tool.directory, "new-directory");
  await mkdir(other, { mode: 0o755 });
  await writeFile(join(other, ".lxc_shared_storage"), "");
  await concourse.detach();
  await concourse.untilStatus(leader, /^waiting|^blocked Waiting for shared storage mount/);
  const disk = { name: "concourse", source: other, path: MOUNT_POINT, readOnly: false };
  await concourse.ask("attach-disk", { application: APPLICATION, disk });
  await concourse.untilStatus(leader, /^blocked Another store is mounted at .*adopt-store/);
  expect(await readdir(other)).toEqual([".lxc_shared_storage"]);
  await concourse.act(leader, "adopt-store");
  await until("a release in the new directory", async () => (await releasesBelow(other)).length === 1);
  await concourse.ready();
});

const releasesBelow = (directory: string): Promise<string[]> =>
  readdir(join(directory, "releases")).catch((): string[] => []);
