import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { opened, type Place, place, treeOf } from "../../tests/fixtures/store/place.ts";
import { hostPorts } from "../host/ports.ts";
import type { Dir } from "../ports.ts";
import { trashName } from "./layout.ts";
import { emptyTrash, moveToTrash, withdrawMarks } from "./trash.ts";
import type { Store } from "./types.ts";

const RELEASE = "7.14.3-linux-amd64-aaaaaaaaaaaa";
const OTHER = "7.15.0-linux-amd64-bbbbbbbbbbbb";
const UUID = "00000000-0000-4000-8000-000000000000";
const MARK = trashName(RELEASE, UUID);

let here: Place;
let store: Store;
beforeEach(async () => {
  here = place();
  store = await opened(here.path);
  for (const name of [RELEASE, OTHER]) mkdirSync(at("releases", name));
});
afterEach(async () => {
  await store.close();
  await here[Symbol.asyncDispose]();
});

const at = (...names: string[]) => join(here.path, ...names);
const trash = () => readdirSync(at("trash"));
const leased =
  (...names: string[]) =>
  async () =>
    new Set(names);

test("a release is marked while the leases are read, and goes through its mark", async () => {
  const during: string[][] = [];
  const needed = async () => {
    for (const name of trash()) during.push([name.replace(/\.[0-9a-f-]{36}$/, ""), ...readdirSync(at("trash", name))]);
    return new Set([OTHER]);
  };
  expect(await moveToTrash(hostPorts, store, [RELEASE, OTHER], needed)).toEqual([RELEASE]);
  expect(during).toEqual([[RELEASE], [OTHER]]);
  expect(readdirSync(at("releases"))).toEqual([OTHER]);
  expect(trash()).toHaveLength(1);
  expect(readdirSync(at("trash", trash()[0] ?? ""))).toEqual([RELEASE]);
});

test("nothing to take away, nothing written", async () => {
  const before = treeOf(here.path);
  expect(await moveToTrash(hostPorts, store, [], leased())).toEqual([]);
  expect(treeOf(here.path)).toEqual(before);
});

test("whoever takes the mark away keeps the release, also from a clean-up that has not seen its lease", async () => {
  const unaware = async () => {
    expect(await withdrawMarks(store, [RELEASE])).toBe(true);
    return new Set<string>();
  };
  expect(await moveToTrash(hostPorts, store, [RELEASE], unaware)).toEqual([]);
  expect(existsSync(at("releases", RELEASE))).toBe(true);
  expect(trash()).toEqual([]);
});

test("marks of other releases stay, and a used one says nothing", async () => {
  mkdirSync(at("trash", trashName(OTHER, UUID)));
  mkdirSync(at("trash", MARK, RELEASE), { recursive: true });
  const before = treeOf(here.path);
  expect(await withdrawMarks(store, [RELEASE])).toBe(true);
  expect(treeOf(here.path)).toEqual(before);
});

test.each(["EROFS", "EACCES", "EPERM"])(
  "on a mount that cannot be written (%s) a mark stands until others take it away",
  async (code) => {
    const readOnly = await withTrash((dir) => ({
      removeDirectory: async (name) => {
        await dir.lstat(name);
        throw Object.assign(new Error(code), { code });
      },
    }));
    expect(await withdrawMarks(readOnly, [RELEASE])).toBe(true);
    mkdirSync(at("trash", MARK));
    expect(await withdrawMarks(readOnly, [RELEASE])).toBe(false);
    mkdirSync(at("trash", MARK, RELEASE));
    expect(await withdrawMarks(readOnly, [RELEASE])).toBe(true);
  },
);

/** The store with another `trash/`. */
async function withTrash(change: (dir: Dir) => Partial<Dir>): Promise<Pick<Store, "root">> {
  const bound = (dir: Dir, changed: Partial<Dir>): Dir =>
    new Proxy(dir, {
      get(real, key) {
        const value: unknown = Reflect.get(changed, key) ?? Reflect.get(real, key, real);
        return typeof value === "function" ? value.bind(real) : value;
      },
    });
  const openDirectory = async (name: string) => {
    const dir = await store.root.openDirectory(name);
    return bound(dir, change(dir));
  };
  return { root: bound(store.root, { openDirectory }) };
}

test("what was moved and leased goes back, what nobody leased is deleted, and no mark is left", async () => {
  const third = "7.16.0-linux-amd64-cccccccccccc";
  for (const name of [RELEASE, third]) mkdirSync(at("trash", trashName(name, UUID), name, "bin"), { recursive: true });
  mkdirSync(at("trash", trashName(OTHER, UUID)));
  // Another one has come in its place.
  writeFileSync(at("releases", RELEASE, "manifest.json"), "{}");
  expect(await emptyTrash(hostPorts, store, leased(RELEASE, OTHER, third))).toEqual([third]);
  expect(readdirSync(at("releases"))).toEqual([RELEASE, OTHER, third]);
  expect(readdirSync(at("releases", RELEASE))).toEqual(["manifest.json"]);
  expect(trash()).toEqual([]);
});

test("what is deleted in part is never put back", async () => {
  await moveToTrash(hostPorts, store, [RELEASE], leased());
  // The first call of a deletion that is killed there.
  const dies = await withTrash((dir) => ({
    lstat: async (name) => {
      if (/^[0-9a-f-]{36}$/.test(name)) throw new Error("killed");
      return dir.lstat(name);
    },
  }));
  await expect(emptyTrash(hostPorts, dies, leased())).rejects.toThrow("killed");
  expect(await emptyTrash(hostPorts, store, leased(RELEASE))).toEqual([]);
  expect(readdirSync(at("releases"))).toEqual([OTHER]);
  expect(trash()).toEqual([]);
});

test("what somebody has planted at a mark's name is no mark, holds up nobody, and leads nowhere", async () => {
  mkdirSync(at("precious"));
  symlinkSync(at("precious"), at("trash", MARK));
  writeFileSync(at("trash", MARK.replace(/0$/, "1")), "");
  execFileSync("mkfifo", [at("trash", MARK.replace(/0$/, "2"))]);
  expect(await withdrawMarks(store, [RELEASE])).toBe(true);
  expect(trash()).toHaveLength(3);
  expect(await emptyTrash(hostPorts, store, leased(RELEASE))).toEqual([]);
  expect(trash()).toEqual([]);
  expect(existsSync(at("precious"))).toBe(true);
  expect(readdirSync(at("releases"))).toEqual([RELEASE, OTHER]);
});
