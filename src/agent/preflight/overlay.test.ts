import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hostExec } from "../../host/exec.ts";
import { probeOverlay } from "./overlay.ts";

let directory: string;
// Not below /tmp, which may lie on an overlay itself.
beforeEach(() => void (directory = mkdtempSync("/var/lib/preflight-")));
afterEach(() => rmSync(directory, { recursive: true }));

const mounts = (): string =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(directory))
    .join("\n");

test("an overlay on a plain directory, and nothing is left behind", async () => {
  expect(await probeOverlay(hostExec, directory)).toBeNull();
  expect(readdirSync(directory)).toEqual([]);
  expect(mounts()).toBe("");
});

test("what mount says is the cause where none can be", async () => {
  const onProc = {
    run: (argv: readonly string[]) =>
      hostExec.run(["unshare", "--mount", "sh", "-c", `mount -t proc proc ${directory} && exec "$@"`, "sh", ...argv]),
  };
  expect(await probeOverlay(onProc, directory)).toMatch(/./);
});

test("in a user namespace too, where current kernels refuse metacopy", async () => {
  const inside = { run: (argv: readonly string[]) => hostExec.run(["unshare", "--user", "--map-root-user", ...argv]) };
  expect(await probeOverlay(inside, directory)).toBeNull();
});
