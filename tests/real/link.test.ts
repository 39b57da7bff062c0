/** The link to the release in use jumps while somebody reads through it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { hostFs } from "../../src/host/fs.ts";
import { replaceLink, using } from "../../src/store/files.ts";

const SWAPS = inject("long") ? 100_000 : 5_000;
const READER = fileURLToPath(new URL("../fixtures/store/link-reader.ts", import.meta.url));

let path = "";
beforeEach(() => {
  // In memory where there is some: here the link is tried, not the disk.
  path = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "link-test-"));
  for (const version of ["old", "new"]) {
    mkdirSync(join(path, version));
    for (const name of ["version", "also"]) writeFileSync(join(path, version, name), version);
  }
  symlinkSync("old", join(path, "current"));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

interface Found {
  readonly reads: number;
  readonly misses: number;
  readonly mixed: number;
  readonly seen: number;
}

/** What a reader in a process of its own finds while the work goes on. */
async function readDuring(work: () => Promise<void>): Promise<Found> {
  const reader = spawn(process.execPath, [READER, join(path, "current")], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const lines = createInterface(reader.stdout)[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("reading");
    await work();
    reader.stdin.end();
    return JSON.parse((await lines.next()).value as string) as Found;
  } finally {
    reader.kill("SIGKILL");
    await once(reader, "close");
  }
}

const TARGETS = ["new", "old"] as const;

test(`${SWAPS} times: nobody ever finds none, or two versions at once`, async () => {
  const found = await readDuring(async () =>
    using(await hostFs.openDirectory(path), async (directory) => {
      for (let swap = 0; swap < SWAPS; swap++) {
        await replaceLink(directory, "current", TARGETS[swap % 2] ?? "new", "current.new");
      }
    }),
  );
  console.log(`${SWAPS} swaps, ${found.reads} reads: ${found.misses} misses, ${found.mixed} of two versions`);
  expect(found).toMatchObject({ misses: 0, mixed: 0, seen: 2 });
  expect(found.reads).toBeGreaterThan(SWAPS / 100);
});

test("a link that is removed and made anew would be missed", async () => {
  const found = await readDuring(async () => {
    for (let swap = 0; swap < 5_000; swap++) {
      unlinkSync(join(path, "current"));
      symlinkSync(TARGETS[swap % 2] ?? "new", join(path, "current"));
      if (swap % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  });
  expect(found.misses).toBeGreaterThan(0);
});
