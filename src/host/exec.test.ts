import { expect, test } from "vitest";
import { hostExec } from "./exec.ts";

test("a program's output, code and input", async () => {
  const result = await hostExec.run(["sh", "-c", "cat; echo problem >&2; exit 3"], { input: "given" });
  expect(result).toEqual({ code: 3, signal: null, stdout: "given", stderr: "problem\n" });
});

test("only the environment that is given", async () => {
  const { stdout } = await hostExec.run(["/usr/bin/env"], { environment: { ONLY: "this" } });
  expect(stdout).toBe("ONLY=this\n");
});

test("a program that is not there", async () => {
  await expect(hostExec.run(["/nonexistent/program"])).rejects.toMatchObject({ code: "ENOENT" });
});

test("a program that takes too long is killed with all it started", async () => {
  const { signal } = await hostExec.run(["sh", "-c", "sleep 60 & sleep 60"], { timeout: 200 });
  expect(signal).toBe("SIGKILL");
});

test("input that nobody reads is no failure", async () => {
  expect((await hostExec.run(["true"], { input: "x".repeat(1_000_000) })).code).toBe(0);
});
