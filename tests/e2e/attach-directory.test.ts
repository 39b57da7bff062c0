/** The directory that `storage attach` makes, and those that it leaves alone. */

import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prepareDirectory } from "../../src/cli/storage/directory.ts";
import { readHostStore } from "../../src/cli/storage/host-store.ts";
import { hostPorts } from "../../src/host/ports.ts";
import { scratchDirectory } from "../fixtures/scratch.ts";

let top: string;
let store: string;
beforeEach(() => {
  top = scratchDirectory("attach-");
  store = join(top, "store");
});
afterEach(() => rmSync(top, { recursive: true }));

const prepare = (path: string) =>
  prepareDirectory(hostPorts, path, (files) => files.find((file) => !file.startsWith("0f3d9c1e-")));
const mode = (path: string): number => lstatSync(path).mode & 0o7777;

test("made with what is above it: root's alone, and the store itself for all within", async () => {
  const path = join(store, "deep", "store");
  expect(await prepare(path)).toEqual({
    changes: [`made ${store}`, `made ${join(store, "deep")}`, `made ${path}`, `marked ${path}`],
    warnings: [],
  });
  expect([store, join(store, "deep"), path].map(mode)).toEqual([0o700, 0o700, 0o755]);
  expect(lstatSync(join(path, ".lxc_shared_storage"))).toMatchObject({ size: 0, uid: 0 });
  expect(await prepare(path)).toEqual({ changes: [], warnings: [] });
});

test("an empty one is taken, a marked one too, and one of related applications", async () => {
  mkdirSync(store, { mode: 0o755 });
  expect((await prepare(store)).changes).toEqual([`marked ${store}`]);
  mkdirSync(join(store, "apps"));
  for (const name of ["ci", "web"]) writeFileSync(join(store, "apps", `0f3d9c1e-${name}.json`), "{}");
  expect((await prepare(store)).changes).toEqual([]);
});

test("a marked one that everybody on the host can get at is taken with a warning", async () => {
  await prepare(store);
  chmodSync(top, 0o755);
  expect((await prepare(store)).warnings).toEqual([`everybody on this host can enter ${top}: chmod 0700 ${top}`]);
});

test.each([
  ["/"],
  ["/home"],
  ["/srv"],
  ["/etc/concourse"],
  ["/home/me/store"],
  ["/run/store"],
  ["/proc/1"],
  ["/tmp/store"],
  ["/usr/local/store"],
  ["/lib64/store"],
])("%s is no place for it", async (place) => {
  await expect(prepare(place)).rejects.toThrow(`${place} is no place for a shared directory`);
});

test("a path that is not plain", async () => {
  await expect(prepare("srv/x")).rejects.toThrow("not a plain absolute path");
  await expect(prepare("/srv/../etc/x")).rejects.toThrow("not a plain absolute path");
});

test.each<[string, () => void, () => string, RegExp]>([
  ["a link", () => symlinkSync("/var", join(top, "link")), () => join(top, "link"), /link is a link or no directory/],
  ["a link on the way", () => symlinkSync("/var", join(top, "link")), () => join(top, "link", "x"), /link is a link/],
  ["a file", () => writeFileSync(join(top, "file"), ""), () => join(top, "file"), /file is a link or no directory/],
  [
    "a new one that everybody on the host could get at",
    () => chmodSync(top, 0o755),
    () => store,
    /everybody on this host can enter \S+, .*Give \S+store\/store, or: chmod 0700/,
  ],
  [
    "one that others can write",
    () => mkdirSync(store) ?? chmodSync(store, 0o777),
    () => store,
    /can be changed by others/,
  ],
  [
    "one above that others can replace",
    () => chmodSync(top, 0o770),
    () => join(store, "x"),
    /can be changed by others/,
  ],
  ["somebody else's", () => (mkdirSync(store), chownSync(store, 65_534, 0)), () => store, /can be changed by others/],
  [
    "one that serves another purpose",
    () => (mkdirSync(store), writeFileSync(join(store, "precious"), "")),
    () => store,
    /is not empty \(precious\) and not marked as a shared directory/,
  ],
  [
    "a store that lost its mark",
    () => (mkdirSync(store), writeFileSync(join(store, "store.json"), "{}")),
    () => store,
    /If it is a store that lost its mark: touch/,
  ],
  [
    "a mark that is a link",
    () => (mkdirSync(store), symlinkSync("/etc/passwd", join(store, ".lxc_shared_storage"))),
    () => store,
    /\.lxc_shared_storage is no file/,
  ],
])("refused: %s", async (_, make, path, message) => {
  make();
  const before = existsSync(store);
  await expect(prepare(path())).rejects.toThrow(message);
  expect(existsSync(store)).toBe(before);
});

test("refused: a store in which something has been planted, to attach it and to look at it", async () => {
  await prepare(store);
  symlinkSync("/etc", join(store, "apps"));
  const planted = `something in ${store} is a link, or not what its name says`;
  await expect(prepare(store)).rejects.toThrow(planted);
  await expect(readHostStore(hostPorts, store)).rejects.toThrow(planted);
});

test("refused: the store of an application that is none of ours and not related", async () => {
  await prepare(store);
  mkdirSync(join(store, "apps"));
  writeFileSync(join(store, "apps", "99999999-other.json"), "{}");
  await expect(prepare(store)).rejects.toThrow(
    `${store} is the store of another application (99999999-other). Relate the two, or give another directory; ` +
      `if that application is gone: rm ${store}/apps/99999999-other.json`,
  );
});
