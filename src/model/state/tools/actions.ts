/** action-get, action-set, action-fail, action-log. Juju 3.6: uniter/runner/jujuc/action-*.go. */
import { isMap } from "../action-schema.ts";
import type { Task } from "../types.ts";
import { UsageError } from "./flags.ts";
import { ALL_FORMATS, type Tool, type ToolCall, ToolError } from "./tool.ts";

const KEY = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const RESERVED: readonly string[] = ["stdout", "stdout-encoding", "stderr", "stderr-encoding"];

function runningAction({ context }: ToolCall): Task {
  if (context.task === null || context.task.id < 0) throw new ToolError("not running an action");
  return context.task;
}

const actionGet: Tool = {
  name: "action-get",
  usage: "[<key>[.<key>.<key>...]]",
  purpose: "Get action parameters.",
  formats: ALL_FORMATS,
  run(call) {
    call.atMost(1);
    const { params } = runningAction(call);
    const [path = ""] = call.args;
    return { value: path === "" ? params : valueAt(params, path.split(".")) };
  },
};

/** Null where the path leads nowhere. */
function valueAt(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return value;
  return isMap(value) && key in value ? valueAt(value[key], rest) : null;
}

const actionSet: Tool = {
  name: "action-set",
  usage: "<key>=<value> [<key>=<value> ...]",
  purpose: "Set action results.",
  run(call) {
    const pairs = call.args.map(parseResult);
    runningAction(call);
    for (const { path, value } of pairs) setAt(call.context.results, path, value);
  },
};

function parseResult(argument: string): { path: string[]; value: string } {
  const equals = argument.indexOf("=");
  if (equals < 1) throw new UsageError(`argument "${argument}" must be of the form key...=value`);
  const path = argument.slice(0, equals).split(".");
  for (const key of path) {
    if (RESERVED.includes(key)) throw new UsageError(`cannot set reserved action key "${key}"`);
    if (KEY.test(key)) continue;
    throw new UsageError(
      `key "${key}" must start and end with lowercase alphanumeric, and contain only lowercase alphanumeric and hyphens`,
    );
  }
  return { path, value: argument.slice(equals + 1) };
}

/** A scalar gives way to a map, and a map to a scalar. */
function setAt(target: Record<string, unknown>, [key = "", ...rest]: readonly string[], value: string): void {
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  const inner: Record<string, unknown> = isMap(target[key]) ? { ...target[key] } : {};
  setAt(inner, rest, value);
  target[key] = inner;
}

const actionFail: Tool = {
  name: "action-fail",
  usage: '["<failure message>"]',
  purpose: "Set action fail status with message.",
  run(call) {
    call.atMost(1);
    runningAction(call);
    call.context.failure = call.args[0] ?? "action failed without reason given, check action for errors";
  },
};

const actionLog: Tool = {
  name: "action-log",
  usage: "<message>",
  purpose: "Record a progress message for the current action.",
  run(call) {
    if (call.args.length === 0) throw new UsageError("no message specified");
    runningAction(call).log.push({ time: call.now, message: call.args.join(" ") });
    call.context.core.changed();
  },
};

export const ACTION_TOOLS: readonly Tool[] = [actionGet, actionSet, actionFail, actionLog];
