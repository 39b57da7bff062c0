import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hostPorts } from "../host/ports.ts";
import { using } from "./files.ts";
import { partialName } from "./layout.ts";
import { takePartial } from "./partial.ts";

const [OURS, OTHER] = ["a".repeat(64), "b".repeat(64)];
const uuid = (last: number): string => `00000000-0000-4000-8000-00000000000${last}`;

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "partial-"));
});
afterEach(() => rmSync(path, { recursive: true }));

/** What is gone on with, and what lies there afterwards. */
async function taken(): Promise<{ readonly from: string | null; readonly size: number; readonly names: string[] }> {
  const directory = await hostPorts.fs.openDirectory(path);
  return using(directory, async () => {
    const { from, size, file } = await takePartial(hostPorts, directory, OURS, "m1-app-0");
    await file.close();
    return { from, size, names: readdirSync(path) };
  });
}

test("the longest download of the same archive is gone on with, whoever began it", async () => {
  const [short, long] = [partialName(OURS, "m1-app-1", uuid(1)), partialName(OURS, "m1-app-2", uuid(2))];
  writeFileSync(join(path, short), "12");
  writeFileSync(join(path, long), "123");
  const { from, size, names } = await taken();
  expect({ from, size }).toEqual({ from: long, size: 3 });
  expect(names).toContain(short);
  expect(names).not.toContain(long);
});

test("another archive's is left to whoever fetches that one", async () => {
  const other = partialName(OTHER, "m1-app-1", uuid(1));
  writeFileSync(join(path, other), "12345");
  const { from, size, names } = await taken();
  expect({ from, size }).toEqual({ from: null, size: 0 });
  expect(names).toContain(other);
});
