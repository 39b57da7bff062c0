/** The rows of the conformance table that run no containers, on the stand-in: it says and does what releases do. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { standInArchive } from "../../standin/archive.ts";
import { runRows, type Outcome } from "../release/run.ts";
import { TABLE } from "../release/table.ts";
import { World, type Release } from "../release/world.ts";
import { Tool } from "./tool.ts";

const rows = TABLE.filter(({ builds }) => builds !== true);

const standIn = async (version: string): Promise<Release> => ({
  version,
  ...(await standInArchive({ version, variant: "small" })),
});

let tool: Tool;
let outcomes: readonly Outcome[];

beforeAll(async () => {
  tool = await Tool.create("table");
  const [release, to] = [await standIn("7.14.3"), await standIn("8.2.5")];
  const world = await World.open(tool, { release, to, machines: "namespaces", restarts: 1 });
  outcomes = await runRows(world, rows, () => undefined);
}, 1_200_000);
afterAll(() => tool.remove());

test.each(rows)("$name", ({ id }) => {
  const outcome = outcomes.find((one) => one.id === id);
  expect([outcome?.holds, outcome?.seen]).toEqual([true, expect.any(String)]);
});
