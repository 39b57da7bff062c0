import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { expectWhole, kept, problemOf } from "../../tests/fixtures/store/expectations.ts";
import { fetch, here, mirror, useMirror } from "../../tests/fixtures/store/fetching.ts";
import { ARCHIVE } from "../../tests/fixtures/store/mirror.ts";
import { fetchFrom, leftovers, opened } from "../../tests/fixtures/store/place.ts";
import { archive, name, ports, target } from "../../tests/fixtures/store/sample.ts";

useMirror();

describe("processes", () => {
  const program = fileURLToPath(new URL("../../tests/fixtures/store/fetcher.ts", import.meta.url));
  const start = (member: string, locks: "real" | "always") =>
    spawn(process.execPath, [program, here.path, mirror.url, JSON.stringify(target), member, locks], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  const outcomeOf = async (child: ChildProcess) =>
    JSON.parse(await text(child.stdout as NodeJS.ReadableStream)) as Record<string, unknown>;

  test("killed in the middle are succeeded by another unit, which fetches the rest alone", async () => {
    for (const [index, share] of [0.2, 0.4, 0.6, 0.8].entries()) {
      mirror.behaviour.pauseAt = Math.round(archive.length * 0.2);
      const child = start(`m1-app-${index}`, "real");
      await expect.poll(() => kept(), { timeout: 20_000 }).toBeGreaterThan(archive.length * (share - 0.02));
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    mirror.behaviour.pauseAt = null;
    expect(await fetchFrom(here.path, mirror.url, target, {}, ports, "m1-app-4")).toMatchObject({
      kind: "published",
      name,
    });
    expect(mirror.sent).toBeLessThan(archive.length * 1.1);
    // The dead ones' staging directories are theirs to remove when they come back; the download has gone.
    expect(leftovers(here.path).filter((entry) => entry.startsWith("partial/"))).toEqual([]);
  });

  test("eight at once without a lock: one whole release, no error, nothing left", async () => {
    await (await opened(here.path)).close();
    const children = Array.from({ length: 8 }, (_, index) => start(`m1-app-${index}`, "always"));
    const outcomes = await Promise.all(children.map(outcomeOf));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ kind: "published", name });
    }
    expect(readdirSync(join(here.path, "releases"))).toEqual([name]);
    await expectWhole();
  });

  test("eight at once with the lock: one download", async () => {
    await (await opened(here.path)).close();
    const children = Array.from({ length: 8 }, (_, index) => start(`m1-app-${index}`, "real"));
    const outcomes = await Promise.all(children.map(outcomeOf));
    expect(outcomes.filter(({ kind }) => kind === "published").length).toBeGreaterThanOrEqual(1);
    expect(outcomes.every(({ kind }) => kind === "published" || kind === "held")).toBe(true);
    expect(mirror.requests.filter(({ path }) => path === ARCHIVE)).toHaveLength(1);
    await expectWhole();
  });
});

test("a lock file that is replaced under its holder is noticed before anything is published", async () => {
  mirror.behaviour.pauseAt = archive.length / 2;
  const busy = problemOf(fetch());
  await expect.poll(() => mirror.requests.length).toBe(1);
  writeFileSync(join(here.path, "other"), "");
  renameSync(join(here.path, "other"), join(here.path, ".install.lock"));
  mirror.resume();
  expect((await busy).problem.code).toBe("lock-lost");
  expect(readdirSync(join(here.path, "releases"))).toEqual([]);
  await fetch();
  await expectWhole();
  mkdirSync(join(here.directory, "done"));
});
