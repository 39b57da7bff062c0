import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { here, inside, store, target, usePublished } from "../../tests/fixtures/store/published.ts";
import { hostPorts } from "../host/ports.ts";
import { verifyRelease } from "./inspect.ts";
import { readManifest } from "./manifest.ts";
import { findRelease } from "./release.ts";

usePublished();

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
