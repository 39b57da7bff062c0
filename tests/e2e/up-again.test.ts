/** `up` that ends in the middle is carried on by the next one, from wherever it was. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packCharm } from "../../scripts/pack.ts";
import { APPLICATION, ARCH } from "./concourse.ts";
import { Tool } from "./tool.ts";

const PROGRAM = join(import.meta.dirname, "../../src/cli/main.ts");

let tool: Tool;
let words: string[];
beforeAll(async () => {
  tool = await Tool.create("again");
  words = ["up", "-m", tool.model, "--machines", "namespaces", "--units", "1", "--release", "stand-in"];
  // So that it is quick in the middle of each.
  await packCharm(ARCH);
});
afterAll(() => tool.remove());

/** Runs `up` until it has said so, then Ctrl-C; its exit code. */
async function interruptedAt(said: string): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, ...words, "--isolated"], {
    env: { ...process.env, CONCOURSE_MACHINE_DATA: tool.data },
    cwd: tool.directory,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const closed = once(child, "close");
  let text = "";
  for await (const chunk of child.stderr) {
    const before = text.includes(said);
    text += String(chunk);
    // The second one would end it at once.
    if (!before && text.includes(said)) child.kill("SIGINT");
  }
  const [code] = (await closed) as [number];
  return code;
}

test("Ctrl-C before the application is related and exposed; the next one does both, a third one changes nothing", async () => {
  for (const said of ["Making model", "Deploying PostgreSQL", "Deploying Concourse"])
    expect(await interruptedAt(said)).toBe(130);
  expect(await tool.ok(...words)).toContain("Concourse:  http://127.0.0.1:");
  const status = await tool.active();
  expect(status.applications[APPLICATION]).toMatchObject({ exposed: true });
  expect(await tool.ok(...words)).toContain("Concourse:  http://127.0.0.1:");
});
