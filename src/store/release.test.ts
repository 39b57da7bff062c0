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
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { opened, type Place, place, QUIET, targetOf } from "../../tests/fixtures/store/place.ts";
import { release, tgz } from "../../tests/fixtures/store/tar.ts";
import { hostPorts } from "../host/ports.ts";
import { fetchRelease } from "./fetch.ts";
import { readManifest } from "./manifest.ts";
import { inspectRelease, verifyRelease } from "./inspect.ts";
import { findRelease } from "./release.ts";
import type { Depth, Store } from "./types.ts";

const archive = tgz(release());
const target = targetOf(archive);

let here: Place;
let store: Store;
let name = "";
beforeEach(async () => {
  here = place();
  store = await opened(here.path);
  const path = join(here.directory, "archive.tgz");
  writeFileSync(path, archive);
  const outcome = await fetchRelease(hostPorts, store, target, async () => [{ kind: "file", path }], QUIET);
  name = outcome.kind === "published" ? outcome.name : "";
});
afterEach(async () => {
  await store.close();
  await here[Symbol.asyncDispose]();
});

const inside = (...parts: string[]) => join(here.path, "releases", name, ...parts);

async function verified(depth: Depth): Promise<string | null> {
  const found = await findRelease(hostPorts, store, target);
  if (found === null) throw new Error("no release");
  return (await verifyRelease(hostPorts, store, found, depth))?.message ?? null;
}

test("a whole release agrees with its manifest, however deep one looks", async () => {
  for (const depth of ["shape", "bin", "all"] as const) expect(await verified(depth)).toBeNull();
});

test("one that is moved away and deleted while it is read is gone, not damaged", async () => {
  const found = await findRelease(hostPorts, store, target);
  if (found === null) throw new Error("not published");
  const away = async (): Promise<void> => {
    renameSync(join(here.path, "releases", name), join(here.path, "trash", name));
    rmSync(join(here.path, "trash", name), { recursive: true });
  };
  const read = inspectRelease(hostPorts, store, found, "all", away);
  await expect(read).rejects.toMatchObject({ problem: { code: "release-gone", blocked: false } });
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
  const found = await findRelease(hostPorts, store, target);
  if (found === null) throw new Error("no release");
  const mark = async () => (await inspectRelease(hostPorts, store, found, "shape")).mark;
  const before = await mark();
  expect(await mark()).toBe(before);
  const path = inside("resource-types/git/rootfs.tgz");
  const contents = readFileSync(path);
  writeFileSync(path, contents);
  expect(await mark()).not.toBe(before);
});

describe("no release is", () => {
  test("one whose manifest is another than agreed on", async () => {
    expect(await findRelease(hostPorts, store, { ...target, manifestSha256: "0".repeat(64) })).toBeNull();
  });

  test("one that is a link", async () => {
    renameSync(inside(), join(here.directory, "elsewhere"));
    symlinkSync(join(here.directory, "elsewhere"), inside());
    expect(await findRelease(hostPorts, store, target)).toBeNull();
  });

  test("an empty directory, or one of another archive", async () => {
    rmSync(inside(), { recursive: true });
    mkdirSync(inside());
    expect(await findRelease(hostPorts, store, target)).toBeNull();
    expect(await findRelease(hostPorts, store, { ...target, sha256: target.sha256.replace(/.$/, "x") })).toBeNull();
  });

  test("one whose manifest is cut or changed anywhere", async () => {
    const text = readFileSync(inside("manifest.json"));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(text.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (at, change, cut) => {
          const bytes = Buffer.from(text);
          bytes[at] = (bytes[at] ?? 0) ^ change;
          const changed = cut ? text.subarray(0, at) : bytes;
          chmodSync(inside("manifest.json"), 0o644);
          writeFileSync(inside("manifest.json"), changed);
          const agreed = { ...target, manifestSha256: null };
          const found = await findRelease(hostPorts, store, agreed);
          // Without a hash that was agreed on, a change can still be a manifest: then the files do not agree with it.
          if (found !== null) {
            chmodSync(inside("manifest.json"), 0o444);
            expect(await verifyRelease(hostPorts, store, found, "all")).not.toBeNull();
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test("a text that we have not written", () => {
    const text = readFileSync(inside("manifest.json"), "utf8");
    expect(readManifest(text)).not.toBeNull();
    for (const other of [
      `${text}\n`,
      text.replace('"schema": 1', '"schema": 2'),
      text.replaceAll("bin/", "../"),
      "null",
      "[]",
      "",
    ]) {
      expect(readManifest(other)).toBeNull();
    }
  });
});
