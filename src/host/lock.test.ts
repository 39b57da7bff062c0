import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Dir } from "../ports.ts";
import { hostFs } from "./fs.ts";
import { hostLock } from "./lock.ts";

const program = fileURLToPath(new URL("../../tests/fixtures/store/holder.ts", import.meta.url));
let path = "";
let root: Dir;
let children: ChildProcess[] = [];
beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), "lock-test-"));
  writeFileSync(join(path, "lock"), "");
  root = await hostFs.openDirectory(path);
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  await root.close();
  rmSync(path, { recursive: true, force: true });
});

async function holder(): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const child = spawn(process.execPath, [program, path, "lock"], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  return { child, said: String(said).trim() };
}

test("one holder, until it lets go", async () => {
  const held = await hostLock.take(root, "lock");
  expect(held).not.toBeNull();
  expect(await hostLock.take(root, "lock")).toBeNull();
  expect((await holder()).said).toBe("refused");
  await held?.release();
  expect((await holder()).said).toBe("held");
});

test("the kernel frees the lock of a process that is killed", async () => {
  const { child } = await holder();
  expect(await hostLock.take(root, "lock")).toBeNull();
  child.kill("SIGKILL");
  await once(child, "exit");
  const held = await hostLock.take(root, "lock");
  expect(held).not.toBeNull();
  await held?.release();
});

test("a stopped holder keeps it, however old its file looks", async () => {
  const { child } = await holder();
  child.kill("SIGSTOP");
  utimesSync(join(path, "lock"), 0, 0);
  expect(await hostLock.take(root, "lock")).toBeNull();
  child.kill("SIGCONT");
  expect(await hostLock.take(root, "lock")).toBeNull();
});

test("a lock file that is replaced or removed under its holder is noticed", async () => {
  const held = await hostLock.take(root, "lock");
  expect(await held?.valid()).toBe(true);
  writeFileSync(join(path, "other"), "");
  renameSync(join(path, "other"), join(path, "lock"));
  expect(await held?.valid()).toBe(false);
  rmSync(join(path, "lock"));
  expect(await held?.valid()).toBe(false);
  await held?.release();
});

test("programs that the holder starts do not inherit it", async () => {
  const held = await hostLock.take(root, "lock");
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  children.push(child);
  await held?.release();
  const again = await hostLock.take(root, "lock");
  expect(again).not.toBeNull();
  await again?.release();
});

test("util-linux itself sees the lock", async () => {
  const held = await hostLock.take(root, "lock");
  expect(() => execFileSync("flock", ["-n", join(path, "lock"), "true"])).toThrow(/Command failed/);
  await held?.release();
  execFileSync("flock", ["-n", join(path, "lock"), "true"]);
});
