/** juju-reboot. Juju 3.6: uniter/runner/jujuc/reboot.go. */
import { type Tool, ToolError } from "./tool.ts";

const jujuReboot: Tool = {
  name: "juju-reboot",
  usage: "[--now]",
  purpose: "Reboot the host machine.",
  flags: [{ names: ["now"], kind: "bool", help: "reboot immediately, killing the invoking process" }],
  run(call) {
    call.atMost(0);
    const { context } = call;
    if (context.operation.kind === "action")
      throw new ToolError("juju-reboot is not supported when running an action.");
    context.reboot = call.is("now") ? "now" : "after";
  },
};

export const REBOOT_TOOLS: readonly Tool[] = [jujuReboot];
