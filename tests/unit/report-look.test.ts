/** What units print when they are looked into: the scripts are run for real, and their output is read. */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { listHostDirectory } from "../../src/report/host-directory.ts";
import { LOCK_SCRIPT, LOOK_SCRIPT, parseLook } from "../../src/report/look.ts";

const NAME = "7.14.3-linux-amd64-1a2b3c4d5e6f";
let store: string;
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), "look-"));
  mkdirSync(join(store, "releases", NAME, "bin"), { recursive: true });
  for (const name of ["partial", "staging", "trash"]) mkdirSync(join(store, name));
  writeFileSync(join(store, "releases", NAME, "bin", "concourse"), Buffer.alloc(300_000, 1));
  writeFileSync(join(store, "partial", "rest"), "12345");
  symlinkSync(`releases/${NAME}/bin`, join(store, "bin"));
  writeFileSync(join(store, ".installed_version"), "7.14.3");
  writeFileSync(join(store, ".lxc_shared_storage"), "");
  writeFileSync(join(store, ".install.lock"), "");
  writeFileSync(join(store, "store.json"), '{\n "schema": 1,\n "id": "6f91c3bf"\n}\n');
});
afterEach(() => rmSync(store, { recursive: true }));

/** The script with the store's place changed to ours, and a directory of ours for the unit's own. */
function run(script: string, own = "/nowhere"): ReturnType<typeof parseLook> {
  const moved = script.replace("d=/var/lib/concourse\n", `d=${store}\n`).replace(/\/opt \/srv [^-]+-unit \S+/, own);
  expect(moved).not.toBe(script);
  return parseLook(execFileSync("bash", ["-c", moved], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
}

test("store, markers, sizes, and when the release was published", () => {
  const before = Date.now() - 60_000;
  const look = run(LOOK_SCRIPT);
  expect(look).toMatchObject({
    store: "6f91c3bf",
    mounted: false,
    versionMarker: "7.14.3",
    lxcMarker: "regular empty file, 0 bytes",
    lockHeld: false,
    releaseBytes: 300_005,
    unpackedBytes: 300_000,
    copiedBytes: 0,
    running: {},
  });
  expect(look.executable).toMatch(/^\d+ 300000$/);
  expect(look.fileSystem).toMatch(/^\d+:\d+ [0-9a-f]+$/);
  expect(Object.keys(look.releases)).toEqual([NAME]);
  expect(look.releases[NAME]).toBeGreaterThan(before);
});

test("a newline in the version marker is seen", () => {
  writeFileSync(join(store, ".installed_version"), "7.14.3\n");
  expect(run(LOOK_SCRIPT).versionMarker).toBe("7.14.3\n");
});

test("a copy of a file of the release is counted, other big files are not", () => {
  const own = mkdtempSync(join(tmpdir(), "own-"));
  writeFileSync(join(own, "concourse"), Buffer.alloc(300_000, 1));
  writeFileSync(join(own, "node"), Buffer.alloc(400_000));
  expect(run(LOOK_SCRIPT, own).copiedBytes).toBe(300_000);
  rmSync(own, { recursive: true });
});

test("a lock is seen while it is held, also when the program that took it has ended", () => {
  const lock = join(store, ".install.lock");
  const script = LOCK_SCRIPT.replace("d=/var/lib/concourse\n", `d=${store}\n`);
  const held = `exec 9<>${lock}; flock -n 9; bash -c '${script.replaceAll("'", `'\\''`)}' 9>&9`;
  const look = parseLook(execFileSync("bash", ["-c", held], { encoding: "utf8" }));
  expect(look.lockHeld).toBe(true);
  expect(run(LOCK_SCRIPT).lockHeld).toBe(false);
});

test("nothing there is nothing seen", () => {
  rmSync(store, { recursive: true });
  expect(run(LOOK_SCRIPT)).toMatchObject({ store: "", lock: "", versionMarker: "", lxcMarker: "", releases: {} });
  mkdirSync(store);
});

test("the host's directory, by name, with the bytes below each", async () => {
  expect(await listHostDirectory(store)).toEqual([
    { name: ".install.lock", kind: "file", bytes: 0 },
    { name: ".installed_version", kind: "file", bytes: 6 },
    { name: ".lxc_shared_storage", kind: "file", bytes: 0 },
    { name: "bin", kind: "link", bytes: 0, target: `releases/${NAME}/bin` },
    { name: "partial", kind: "directory", bytes: 5 },
    { name: "releases", kind: "directory", bytes: 300_000 },
    { name: "staging", kind: "directory", bytes: 0 },
    { name: "store.json", kind: "file", bytes: 36 },
    { name: "trash", kind: "directory", bytes: 0 },
  ]);
});
