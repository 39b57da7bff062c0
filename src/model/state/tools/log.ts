/** juju-log. Juju 3.6: uniter/runner/jujuc/juju-log.go; levels of juju/loggo. */
import { logAt } from "../data.ts";
import { unitTag } from "../names.ts";
import { nearEndpoint } from "../scopes.ts";
import type { LogLevel } from "../types.ts";
import { UsageError } from "./flags.ts";
import type { Tool, ToolCall } from "./tool.ts";

const LEVELS: Readonly<Record<string, LogLevel>> = {
  TRACE: "TRACE",
  DEBUG: "DEBUG",
  INFO: "INFO",
  WARN: "WARNING",
  WARNING: "WARNING",
  ERROR: "ERROR",
  CRITICAL: "CRITICAL",
};

const jujuLog: Tool = {
  name: "juju-log",
  usage: "<message>",
  purpose: "Write a message to the juju log.",
  deprecatedFormat: true,
  flags: [
    { names: ["debug"], kind: "bool", help: "Log at debug level" },
    { names: ["log-level", "l"], kind: "text", help: "Send log message at the given level" },
  ],
  run(call) {
    if (call.args.length === 0) throw new UsageError("no message specified");
    const asked = call.text("log-level") ?? "INFO";
    const level = LEVELS[asked.toUpperCase()];
    if (level === undefined) write(call, "WARNING", `Specified log level of "${asked}" is not valid`);
    write(call, call.is("debug") ? "DEBUG" : (level ?? "INFO"), prefix(call) + call.args.join(" "));
  },
};

function write({ context, now }: ToolCall, level: LogLevel, message: string): void {
  const { name } = context.unit;
  logAt(context.core, now, unitTag(name), level, `unit.${name}.juju-log`, message);
}

/** `db:3: ` in relation hooks. */
function prefix({ context }: ToolCall): string {
  const relation = context.relationId === null ? undefined : context.relations.get(context.relationId);
  if (relation === undefined) return "";
  return `${nearEndpoint(relation.row, context.unit.application).name}:${relation.row.id}: `;
}

export const LOG_TOOLS: readonly Tool[] = [jujuLog];
