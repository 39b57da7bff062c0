/** One version after another on units at work: the directory never holds more than two releases and what is leased. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import type { StatusData } from "../../src/model/state/types.ts";
import { APPLICATION, deployConcourse, type Concourse } from "../e2e/concourse.ts";
import { Tool } from "../e2e/tool.ts";
import { until } from "../fixtures/agent/until.ts";

const VERSIONS = ["7.14.3", "8.2.5", "8.3.0"] as const;

test("the store stays bounded over version changes in a row", async () => {
  const changes = inject("long") ? 10 : 3;
  const tool = await Tool.create("versions");
  try {
    const concourse = await deployConcourse(tool, { units: 2, version: VERSIONS[0] });
    await concourse.serveVersions(...VERSIONS);
    await concourse.ready();
    let most = 0;
    for (let change = 1; change <= changes; change++) {
      const version = VERSIONS[change % VERSIONS.length] ?? VERSIONS[0];
      await concourse.configure({ version });
      await everythingOn(concourse, version);
      // Cleaning up is what the fetcher does last, when every unit has said where it is.
      expect(await until(async () => releasesOf(concourse).length <= 2, 60_000), `${releasesOf(concourse)}`).toBe(true);
      expect(releasesOf(concourse).some((name) => name.startsWith(`${version}-`))).toBe(true);
      most = Math.max(most, releasesOf(concourse).length);
    }
    console.log(`${changes} version changes: ${most} releases on the store after each`);
  } finally {
    await tool.remove();
  }
});

const releasesOf = (concourse: Concourse): string[] => readdirSync(join(concourse.sharedDirectory, "releases"));

async function everythingOn(concourse: Concourse, version: string): Promise<void> {
  const ready = new RegExp(`^(Web server|Worker) ready \\(v${version}\\)`);
  const on = ({ applications }: StatusData): boolean =>
    Object.values(applications[APPLICATION]?.units ?? {}).every(({ workload }) => ready.test(workload.message));
  await concourse.tool.until(`everything on ${version}`, on, 180_000);
}
