/** A machine that does not come up is tried again by itself, as Juju's provisioner does. */

import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packTinyCharm } from "../fixtures/tiny-charm.ts";
import { Tool } from "./tool.ts";

let tool: Tool;

beforeAll(async () => {
  tool = await Tool.create("retried");
  await packTinyCharm(join(tool.directory, "tiny.charm"));
  await tool.ok("add-model", tool.model);
});
afterAll(() => tool.remove());

test("a machine whose disk was away when it booted", async () => {
  const disk = join(tool.directory, "disk");
  await mkdir(disk);
  await tool.ok("deploy", "./tiny.charm", "--disk", `data=${disk}:/srv/data`);
  await tool.active("tiny/0");
  await tool.ok("machine", "stop", "0");
  await rm(disk, { recursive: true });
  await tool.run("machine", "start", "0");
  await tool.until("the fault", ({ machines }) => machines["0"]?.agent.current === "error");
  expect(await tool.ok("status")).toMatch(new RegExp(`^0 .*${disk}`, "m"));
  await mkdir(disk);
  await tool.until("the machine", ({ machines }) => machines["0"]?.agent.current === "started");
  await tool.active("tiny/0");
});
