/** status-set, status-get, application-version-set. Juju 3.6: uniter/runner/jujuc/{status-*,application-version-set}.go. */
import type { StatusValue } from "../types.ts";
import { setWorkload, status, unitsOf } from "../rows.ts";
import { applicationWorkload, unitWorkload } from "../status.ts";
import { UsageError } from "./flags.ts";
import { ALL_FORMATS, type Output, type Tool, type ToolCall, ToolError } from "./tool.ts";

const SETTABLE: readonly string[] = ["maintenance", "blocked", "waiting", "active"];
const APPLICATION = {
  names: ["application"],
  kind: "bool",
  help: "this status is about the application, if the unit is the leader",
} as const;

const statusSet: Tool = {
  name: "status-set",
  usage: "<maintenance | blocked | waiting | active> [message]",
  purpose: "Set status information.",
  flags: [APPLICATION],
  run(call) {
    const [word, message = ""] = call.args;
    if (word === undefined) throw new UsageError("invalid args, require <status> [message]");
    if (!SETTABLE.includes(word))
      throw new UsageError(`invalid status "${word}", expected one of [${SETTABLE.join(" ")}]`);
    call.atMost(2);
    const { context, now } = call;
    if (call.is("application")) {
      setApplicationStatus(call, word, message);
      return;
    }
    context.unit.statusSet = true;
    setWorkload(context.core, context.unit, word, message, now);
  },
};

function setApplicationStatus({ context, now }: ToolCall, word: string, message: string): void {
  if (!context.leads) throw new ToolError("this unit is not the leader");
  const old = context.application.status;
  if (old?.current === word && old.message === message) return;
  context.application.status = status(word, message, now);
  context.core.changed();
}

const statusGet: Tool = {
  name: "status-get",
  usage: "",
  purpose: "Print status information.",
  formats: ALL_FORMATS,
  flags: [{ names: ["include-data"], kind: "bool", help: "print all status data" }, APPLICATION],
  run(call) {
    call.atMost(0);
    return call.is("application") ? applicationStatus(call) : unitStatus(call);
  },
};

function unitStatus(call: ToolCall): Output {
  const value = call.context.status();
  return { value: shown(call, value), smart: call.is("include-data") ? shown(call, value) : value.current };
}

function shown(call: ToolCall, { current, message }: StatusValue): Record<string, unknown> {
  return call.is("include-data") ? { message, status: current, "status-data": {} } : { status: current };
}

function applicationStatus(call: ToolCall): Output {
  const { context } = call;
  if (!context.leads) throw new ToolError("finding application status: this unit is not the leader");
  const { data } = context.core;
  const own = applicationWorkload(data, context.application);
  const units = unitsOf(data, context.unit.application);
  const value = {
    "application-status": {
      ...shown(call, own),
      units: Object.fromEntries(units.map((unit) => [unit.name, shown(call, unitWorkload(unit))])),
    },
  };
  return { value, smart: call.is("include-data") ? value : own.current };
}

const applicationVersionSet: Tool = {
  name: "application-version-set",
  usage: "<new-version>",
  purpose: "Specify which version of the application is deployed.",
  run(call) {
    const [version] = call.args;
    if (version === undefined) throw new UsageError("no version specified");
    call.atMost(1);
    const { application, core } = call.context;
    if (application.version === version) return;
    application.version = version;
    core.changed();
  },
};

export const STATUS_TOOLS: readonly Tool[] = [statusSet, statusGet, applicationVersionSet];
