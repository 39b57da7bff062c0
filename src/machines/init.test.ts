import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hostBootId, readInit } from "./init.ts";

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "init-"));
  file = join(directory, "init");
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function startTime(pid: number): string {
  return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[19] ?? "";
}

test("a record is believed while its very process lives", async () => {
  const child = spawn("sleep", ["1000"]);
  const pid = child.pid ?? 0;
  const record = `${pid} ${startTime(pid)} ${hostBootId()}\n`;
  writeFileSync(file, record);
  expect(readInit(file)).toEqual({ pid, startTime: startTime(pid), bootId: hostBootId() });
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(readInit(file)).toBe(null);
});

const own = () => `${process.pid} ${startTime(process.pid)}`;

test.each([
  { what: "no record", text: () => null },
  { what: "an empty one: the machine is starting", text: () => "" },
  { what: "a half written one", text: () => `${own()} ${hostBootId()}` },
  { what: "a pid used again", text: () => `${process.pid} 1 ${hostBootId()}\n` },
  { what: "another boot of the host", text: () => `${own()} 00000000-0000-0000-0000-000000000000\n` },
])("not believed: $what", ({ text }) => {
  const content = text();
  if (content !== null) writeFileSync(file, content);
  expect(readInit(file)).toBe(null);
});
