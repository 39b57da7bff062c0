/** Where the release comes from, as far as no network is asked. GitHub's double: tests/e2e/github.test.ts. */

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { scratchDirectory } from "../../tests/fixtures/scratch.ts";
import { releaseSource } from "./release-source.ts";

const directory = scratchDirectory("release-source-");
afterAll(() => rmSync(directory, { recursive: true }));

const named = join(directory, "concourse-8.0.1-linux-amd64.tgz");
const unnamed = join(directory, "archive.tgz");
for (const path of [named, unnamed]) writeFileSync(path, "");

const from = (releaseFile: string, version?: string) =>
  releaseSource({ release: undefined, releaseFile, version, say: () => undefined });

test("an archive is of the version that is asked for, or of that in its name", async () => {
  expect(await from(named)).toEqual({ kind: "file", path: named, version: "8.0.1" });
  expect(await from(unnamed, "7.14.3")).toEqual({ kind: "file", path: unnamed, version: "7.14.3" });
});

test.each([
  [unnamed, /does not tell its version/],
  [join(directory, "none.tgz"), /^There is no file /],
])("%s is refused before anything is made", async (path, message) => {
  await expect(from(path)).rejects.toThrow(message);
});
