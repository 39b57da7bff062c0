import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { found, here, inside, name, store, usePublished } from "../../tests/fixtures/store/published.ts";
import { hostPorts } from "../host/ports.ts";
import { inspectRelease, verifyRelease } from "./inspect.ts";
import type { Depth } from "./types.ts";

usePublished();

async function verified(depth: Depth): Promise<string | null> {
  return (await verifyRelease(hostPorts, store, await found(), depth))?.message ?? null;
}

test("a whole release agrees with its manifest, however deep one looks", async () => {
  for (const depth of ["shape", "bin", "all"] as const) expect(await verified(depth)).toBeNull();
});

test("one that is moved away and deleted while it is read is gone, not damaged", async () => {
  const published = await found();
  const away = async (): Promise<void> => {
    renameSync(join(here.path, "releases", name), join(here.path, "trash", name));
    rmSync(join(here.path, "trash", name), { recursive: true });
  };
  const read = inspectRelease(hostPorts, store, published, "all", away);
  await expect(read).rejects.toMatchObject({ problem: { code: "release-gone", blocked: false } });
});

test("nor is one damaged in whose place another has come", async () => {
  const published = await found();
  const exchange = async (): Promise<void> => {
    renameSync(join(here.path, "releases", name), join(here.path, "trash", name));
    rmSync(join(here.path, "trash", name), { recursive: true });
    mkdirSync(join(here.path, "releases", name));
  };
  const read = inspectRelease(hostPorts, store, published, "all", exchange);
  await expect(read).rejects.toMatchObject({ problem: { code: "release-gone" } });
});

describe("what is damaged is named", () => {
  const faults: Record<string, readonly [() => void, Depth, RegExp]> = {
    "a file cut short": [() => truncateSync(inside("bin/concourse"), 3), "shape", /bin\/concourse has 3 bytes/],
    "a file gone": [() => rmSync(inside("bin/concourse")), "shape", /bin\/concourse is missing/],
    "a directory gone": [() => rmSync(inside("fly-assets"), { recursive: true }), "shape", /fly-assets is missing/],
    "a file too many": [() => writeFileSync(inside("bin/extra"), ""), "shape", /bin\/extra does not belong/],
    "a writable file": [() => chmodSync(inside("bin/concourse"), 0o755), "shape", /bin\/concourse has mode 755/],
    "a setuid bit": [() => chmodSync(inside("bin/concourse"), 0o4555), "shape", /bin\/concourse has mode 4555/],
    "a directory open to all": [() => chmodSync(inside("bin"), 0o777), "shape", /bin has mode 777/],
    "a link in place of a file": [
      () => relink(inside("bin/concourse"), "/bin/sh"),
      "shape",
      /bin\/concourse is no file/,
    ],
    "a link that leads elsewhere": [() => relink(inside("bin/gdn"), "/bin/sh"), "shape", /bin\/gdn is another link/],
    "other contents in bin": [() => refill(inside("bin/concourse")), "bin", /bin\/concourse has other contents/],
    "other contents elsewhere": [
      () => refill(inside("resource-types/git/rootfs.tgz")),
      "all",
      /rootfs.tgz has other contents/,
    ],
  };
  const relink = (path: string, to: string) => {
    rmSync(path);
    symlinkSync(to, path);
  };
  const refill = (path: string) => writeFileSync(path, Buffer.alloc(readFileSync(path).length));

  test.each(Object.entries(faults))("%s", async (_, [damage, depth, message]) => {
    damage();
    expect(await verified(depth)).toMatch(message);
  });

  test("contents elsewhere are not looked at for bin alone", async () => {
    refill(inside("resource-types/git/rootfs.tgz"));
    expect(await verified("bin")).toBeNull();
  });
});

test("a file that was touched shows, also if it is as it was before", async () => {
  const published = await found();
  const mark = async () => (await inspectRelease(hostPorts, store, published, "shape")).mark;
  const before = await mark();
  expect(await mark()).toBe(before);
  const path = inside("resource-types/git/rootfs.tgz");
  const contents = readFileSync(path);
  writeFileSync(path, contents);
  expect(await mark()).not.toBe(before);
});
