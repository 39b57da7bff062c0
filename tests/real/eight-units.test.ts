/** Eight units of the packed charm start at once on an empty directory: one download, one release, nobody in trouble. */

import { rm } from "node:fs/promises";
import { expect, inject, test } from "vitest";
import { deployConcourse, type Concourse } from "../e2e/concourse.ts";
import { Tool } from "../e2e/tool.ts";
import { publishedIn } from "../fixtures/agent/archive.ts";
import { leftovers } from "../fixtures/store/place.ts";

/** Milliseconds that the download takes at least: far longer than any hook. */
const DOWNLOAD = 30_000;

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
    // Whatever holds a hook up while the release comes lets go of it when it is there.
    const [download] = await archivesSent(concourse);
    const waited = hooks.filter(
      ({ from, to }) => from < (download?.start ?? 0) + DOWNLOAD / 4 && to > (download?.end ?? 0),
    );
    expect(waited).toEqual([]);
  } finally {
    await tool.remove();
    await rm(tool.directory, { recursive: true, force: true });
  }
});

const archivesSent = async (concourse: Concourse) =>
  (await concourse.requests()).filter(({ path }) => path.endsWith(".tgz"));

async function expectOneDownload(concourse: Concourse): Promise<void> {
  expect((await archivesSent(concourse)).map(({ bytes }) => bytes)).toEqual([concourse.archive.size]);
  expect(Object.keys(publishedIn(concourse.sharedDirectory))).toHaveLength(1);
  expect(leftovers(concourse.sharedDirectory)).toEqual([]);
}
