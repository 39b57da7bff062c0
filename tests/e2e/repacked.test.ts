/** The charm runs as a 3.6 controller hands it to units: unpacked, cleared of what Juju ignores, and packed again. */

import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packCharm } from "../../scripts/pack.ts";
import { repack } from "../fixtures/repack.ts";
import { ARCH, deployConcourse, type Concourse } from "./concourse.ts";
import { Tool } from "./tool.ts";

let tool: Tool;
let concourse: Concourse;

beforeAll(async () => {
  tool = await Tool.create("repacked");
  const charm = join(tool.directory, "repacked.charm");
  await repack(await packCharm(ARCH), charm);
  concourse = await deployConcourse(tool, { charm, units: 2 });
});
afterAll(() => tool.remove());

test("a charm that was packed again by the controller runs a web and a worker", async () => {
  await concourse.ready();
  const { web, workers } = await concourse.roles();
  expect(workers).toHaveLength(1);
  await concourse.untilStatus(web, /^active Web server ready \(v7\.14\.3\)/);
  await concourse.untilStatus(workers[0] ?? "", /^active Worker ready \(v7\.14\.3\)/);
  const files = (await concourse.inUnit(web, 'ls "$CHARM_DIR"')).trim().split("\n");
  expect(files).toEqual(expect.arrayContaining(["bin", "dispatch", "main.mjs"]));
  expect(files).not.toContain("version");
});
