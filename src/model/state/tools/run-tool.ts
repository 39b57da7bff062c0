/** One hook command, from its command line to its reply. Juju 3.6: internal/worker/uniter/runner/jujuc/server.go. */
import type { ToolReply, ToolRequest } from "../../contract.ts";
import type { HookContext } from "../agent/context.ts";
import { jujuOf } from "../juju-line.ts";
import { type FlagSpec, HelpAsked, parseFlags, UsageError } from "./flags.ts";
import { type Format, formatValue } from "./output.ts";
import { type Output, StdinWanted, type Tool, ToolCall, ToolError } from "./tool.ts";
import { TOOLS } from "./tools.ts";

export function runTool(
  context: HookContext,
  request: ToolRequest,
  now: number,
  readFile: (path: string) => string,
): ToolReply {
  const tool = TOOLS.get(request.command);
  if (tool === undefined || jujuOf(context.core.data).without.includes(tool.name))
    return failed(1, `bad request: unknown command: ${request.command}`);
  try {
    const call = new ToolCall(context, parseFlags(flagsOf(tool), request.args, context), request, now, readFile);
    return reply(tool, call, request, tool.run(call) ?? { text: "" });
  } catch (error) {
    if (error instanceof HelpAsked) return { code: 0, stdout: help(tool), stderr: "" };
    if (error instanceof StdinWanted) return { code: 1, stdout: "", stderr: "", needsStdin: true };
    if (error instanceof UsageError) return failed(2, error.message);
    if (error instanceof ToolError) return failed(1, error.message);
    throw error;
  }
}

function failed(code: number, message: string): ToolReply {
  return { code, stdout: "", stderr: `ERROR ${message}\n` };
}

function flagsOf(tool: Tool): FlagSpec[] {
  const flags = [...(tool.flags ?? [])];
  if (tool.formats !== undefined) flags.push(formatFlag(tool.formats), OUTPUT);
  if (tool.deprecatedFormat === true) flags.push({ names: ["format"], kind: "text", help: "deprecated" });
  return flags;
}

function formatFlag(formats: readonly Format[]): FlagSpec {
  return {
    names: ["format"],
    kind: "text",
    help: `Specify output format (${formats.toSorted().join("|")})`,
    check(value) {
      if (!formats.some((format) => format === value)) throw new Error(`unknown format "${value}"`);
    },
  };
}

const OUTPUT: FlagSpec = { names: ["output", "o"], kind: "text", help: "Specify an output file" };

function reply(tool: Tool, call: ToolCall, request: ToolRequest, output: Output): ToolReply {
  const stdout = "text" in output ? output.text : formatted(tool, call, output);
  const deprecated = tool.deprecatedFormat === true && call.text("format") !== undefined;
  const stderr = deprecated ? `--format flag deprecated for command "${tool.name}"` : "";
  const file = tool.formats === undefined ? undefined : call.text("output");
  if (file === undefined) return { code: 0, stdout, stderr };
  const path = file.startsWith("/") ? file : `${request.cwd}/${file}`;
  return { code: 0, stdout: "", stderr, writeFile: { path, content: stdout } };
}

function formatted(tool: Tool, call: ToolCall, output: { value: unknown; smart?: unknown }): string {
  const format = (call.text("format") ?? tool.formats?.[0] ?? "smart") as Format;
  return formatValue(format, format === "smart" && "smart" in output ? output.smart : output.value);
}

function help(tool: Tool): string {
  const flags = flagsOf(tool).map(({ names, help: text }) => {
    const spelled = names.map((name) => (name.length === 1 ? `-${name}` : `--${name}`)).join(", ");
    return `${spelled}\n    ${text}\n`;
  });
  const usage = ["Usage:", tool.name, flags.length > 0 ? "[options]" : "", tool.usage].filter((part) => part !== "");
  const options = flags.length > 0 ? `\nOptions:\n${flags.join("")}` : "";
  return `${usage.join(" ")}\n\nSummary:\n${tool.purpose}\n${options}`;
}
