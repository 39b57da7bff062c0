/** is-leader, leader-get, leader-set. Juju 3.6: uniter/runner/jujuc/{is-leader,leader-get,leader-set}.go. */
import { UsageError } from "./flags.ts";
import { parseKeyValues } from "./key-values.ts";
import { ALL_FORMATS, type Tool, ToolError } from "./tool.ts";

const isLeader: Tool = {
  name: "is-leader",
  usage: "",
  purpose: "Print application leadership status.",
  formats: ALL_FORMATS,
  run(call) {
    call.atMost(0);
    return { value: call.context.leads };
  },
};

const leaderGet: Tool = {
  name: "leader-get",
  usage: "[<key>]",
  purpose: "Print application leadership settings.",
  formats: ALL_FORMATS,
  run(call) {
    const [key = "-"] = call.args;
    if (key.includes("=")) throw new UsageError(`invalid key "${key}"`);
    call.atMost(1);
    const settings = call.context.leaderSettings();
    return { value: key === "-" || key === "" ? settings : (settings[key] ?? null) };
  },
};

const leaderSet: Tool = {
  name: "leader-set",
  usage: "<key>=<value> [...]",
  purpose: "Write application leadership settings.",
  run(call) {
    const values = parseKeyValues(call.args);
    const { context } = call;
    if (!context.leads) throw new ToolError("cannot write leadership settings: cannot write settings: not the leader");
    const { application } = context;
    const before = JSON.stringify(application.leaderSettings);
    for (const [key, value] of Object.entries(values)) {
      if (value === "") delete application.leaderSettings[key];
      else application.leaderSettings[key] = value;
    }
    context.forgetLeaderSettings();
    if (JSON.stringify(application.leaderSettings) === before) return;
    application.leaderSettingsVersion += 1;
    context.core.changed();
  },
};

export const LEADER_TOOLS: readonly Tool[] = [isLeader, leaderGet, leaderSet];
