/** `storage` on a local model: attached by it, the directory serves all units; who downloads is named, also when frozen. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Overview } from "../../src/cli/storage/overview.ts";
import type { StatusData } from "../../src/model/state/types.ts";
import { APPLICATION, deployConcourse } from "./concourse.ts";
import { Tool } from "./tool.ts";

let tool: Tool;
let store: string;
beforeAll(async () => {
  tool = await Tool.create("shared");
  store = join(tool.directory, "ours", "store");
  await deployConcourse(tool, { units: 2, database: "none", storage: "later", throttle: 400_000 });
  await tool.until("the units wait for it", missing);
});
afterAll(() => tool.remove());

function missing({ applications }: StatusData): boolean {
  const units = Object.values(applications[APPLICATION]?.units ?? {});
  return units.every(({ workload }) => workload.message.startsWith("Waiting for shared storage mount"));
}

const storage = (...words: string[]) => tool.run("storage", ...words, "-m", "shared");
const status = async (): Promise<Overview> =>
  JSON.parse((await storage("status", "--json", "--wait", "5s")).stdout) as Overview;

test("all units are attached and asked, and a second run changes nothing", async () => {
  const { code, stdout, stderr } = await storage("attach", APPLICATION, store);
  expect(stderr).toContain(`marked ${store}`);
  const lines = stdout.trim().split("\n");
  expect(lines).toHaveLength(2);
  const stores = new Set(
    lines.map((line) => /attached as "concourse-shared", read-write; store (\S+)$/.exec(line)?.[1]),
  );
  expect(stores.size).toBe(1);
  expect([...stores][0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(code).toBe(0);
  const again = await storage("attach", APPLICATION, store);
  expect(again).toMatchObject({ code: 0, stderr: "Nothing was changed\n" });
  expect((await storage("attach", APPLICATION, store, "--read-only")).stderr).toContain(
    `has ${store} attached read-write as "concourse-shared". To replace it, first: concourse-machine disk detach`,
  );
});

test("who downloads is named, also when its machine is frozen", async () => {
  const downloading = await tool.until("a download", ({ applications }) =>
    Object.values(applications[APPLICATION]?.units ?? {}).some(({ workload }) =>
      workload.message.startsWith("Downloading"),
    ),
  );
  const units = downloading.applications[APPLICATION]?.units ?? {};
  const [unit = "", { machine } = { machine: "" }] =
    Object.entries(units).find(([, { workload }]) => workload.message.startsWith("Downloading")) ?? [];
  expect((await status()).stores).toMatchObject([{ directory: store, lock: [{ unit, frozen: false }] }]);
  await tool.ok("machine", "freeze", machine, "-m", "shared");
  const { stdout } = await storage("status");
  expect(stdout).toMatch(new RegExp(`^${unit} .* Frozen .* not asked: its machine is frozen$`, "m"));
  expect(stdout).toMatch(
    new RegExp(`Lock +held by ${unit} \\(process \\d+\\), which is frozen: nobody else can download`),
  );
  expect(stdout).toMatch(new RegExp(`Download +7\\.14\\.3 by ${unit}: \\d+ MB of \\d+ MB, under way`));
  await tool.ok("machine", "thaw", machine, "-m", "shared");
  const thawed = await status();
  expect(thawed.units.map(({ state }) => state)).toEqual(["Running", "Running"]);
  expect(thawed.stores[0]?.lock).toMatchObject([{ unit, frozen: false }]);
});

test("detached, units miss it, and the directory stays", async () => {
  const { code, stdout } = await storage("detach", APPLICATION);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: [0, 1].map((i) => `${APPLICATION}/${i}: detached "concourse-shared"\n`).join(""),
  });
  await tool.until("the units miss it", missing);
  expect(existsSync(join(store, ".lxc_shared_storage"))).toBe(true);
  expect((await storage("detach", APPLICATION)).stderr).toBe("Nothing was changed\n");
});
