/** Eight units of the packed charm start at once on an empty directory: one download, one release, nobody in trouble. */

import { rm } from "node:fs/promises";
import { expect, inject, test } from "vitest";
import { deployConcourse, type Concourse } from "../e2e/concourse.ts";
import { Tool } from "../e2e/tool.ts";
import { publishedIn } from "../fixtures/agent/archive.ts";
import { leftovers } from "../fixtures/store/place.ts";

/** Milliseconds that the download takes at least: far longer than any hook. */
const DOWNLOAD = 15_000;

const rounds = inject("long") ? 10 : 1;

test.each(Array.from({ length: rounds }, (_, round) => round + 1))(`round %i of ${rounds}`, async (round) => {
  const tool = await Tool.create(`eight-${round}`);
  try {
    const concourse = await deployConcourse(tool, { units: 8, throttle: 1 });
    await concourse.throttle((concourse.archive.size / DOWNLOAD) * 1000);
    await concourse.ready();
    await expectOneDownload(concourse);
    const units = await concourse.units();
    expect(units).toHaveLength(8);
    const shown = (await Promise.all(units.map((unit) => concourse.history(unit)))).flat();
    expect(shown.filter(({ status }) => status === "error")).toEqual([]);
    const hooks = (await Promise.all(units.map((unit) => concourse.hooks(unit)))).flat();
    const longest = hooks.toSorted((a, b) => b.to - b.from - (a.to - a.from))[0] ?? { what: "", from: 0, to: Infinity };
    console.log(`Eight units: ${hooks.length} hooks, the longest ${longest.to - longest.from} ms (${longest.what})`);
    // A hook that had waited for anything would have waited for this; on a busy host all of them take longer.
    const usual = hooks.map(({ from, to }) => to - from).toSorted((a, b) => a - b)[hooks.length >> 1] ?? 0;
    expect(longest.to - longest.from).toBeLessThan(Math.max(DOWNLOAD / 2, 15 * usual));
  } finally {
    await tool.remove();
    await rm(tool.directory, { recursive: true, force: true });
  }
});

async function expectOneDownload(concourse: Concourse): Promise<void> {
  const downloads = (await concourse.requests()).filter(({ path }) => path.endsWith(".tgz"));
  expect(downloads.map(({ bytes }) => bytes)).toEqual([concourse.archive.size]);
  expect(Object.keys(publishedIn(concourse.sharedDirectory))).toHaveLength(1);
  expect(leftovers(concourse.sharedDirectory)).toEqual([]);
}
