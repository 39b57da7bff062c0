/** The directory that `up` makes for all units, and what it leaves alone. */

import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { scratchDirectory } from "../../tests/fixtures/scratch.ts";
import { sharedDirectory } from "./bring-up.ts";

let top: string;
beforeEach(() => {
  top = scratchDirectory("up-");
});
afterEach(() => rmSync(top, { recursive: true }));

const share = (path: string) => sharedDirectory({ model: "m", sharedDirectory: path });
const mode = (path: string): number => lstatSync(path).mode & 0o7777;

test("what is missing above it is root's alone, as `storage attach` makes it; the directory is for all within", async () => {
  const path = join(top, "deep", "down", "store");
  expect(await share(path)).toBe(path);
  expect([join(top, "deep"), join(top, "deep", "down"), path].map(mode)).toEqual([0o700, 0o700, 0o755]);
  expect(lstatSync(join(path, ".lxc_shared_storage")).size).toBe(0);
});

test("what is there keeps its mode", async () => {
  const path = join(top, "store");
  mkdirSync(path);
  chmodSync(top, 0o711);
  chmodSync(path, 0o750);
  await share(path);
  expect([top, path].map(mode)).toEqual([0o711, 0o750]);
});
