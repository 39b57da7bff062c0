import { expect, onTestFinished, test, vi } from "vitest";
import { runAction } from "../../../src/charm/actions.ts";
import { HookTools } from "../../../src/juju/hook-tools.ts";
import { web } from "./facts.ts";

test("an action that Juju itself stops fails with one line that says why", async () => {
  const log = vi.spyOn(console, "error").mockReturnValue();
  onTestFinished(() => log.mockRestore());
  const failed: string[] = [];
  const tools = new HookTools(async ([command = "", ...args]) => {
    if (command === "action-fail") {
      failed.push(args.at(-1) ?? "");
      return { code: 0, stdout: "", stderr: "" };
    }
    return { code: 1, stdout: "", stderr: "ERROR connection is shut down\nERROR and more\n" };
  });
  await runAction("check-status", web.environment, tools, "/charm/main.mjs");
  expect(failed).toHaveLength(1);
  expect(failed[0]).toMatch(/^[a-z-]+: connection is shut down$/);
  expect(log).toHaveBeenCalledOnce();
});
