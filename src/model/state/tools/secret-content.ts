/** Content of a secret on the command line. Juju 3.6: core/secrets/createsecret.go. */
import { parse } from "yaml";
import { isMap } from "../action-schema.ts";
import type { Bag } from "../data.ts";
import { UsageError } from "./flags.ts";
import { type ToolCall, ToolError } from "./tool.ts";

const KEY = /^([a-z](?:-?[a-z0-9]){2,})$/;
/** Bytes of base64: of each value, and of all. */
const MAX_SIZE = 1_000_000;

/** base64 by key, from `--file` if given, else from the positionals. */
export function readContent(call: ToolCall, args: readonly string[]): Bag {
  const file = call.text("file") ?? "";
  const pairs = file === "" ? args.map((argument) => fromArgument(call, argument)) : fromFile(call, file);
  const values: Bag = {};
  for (const [name, value] of pairs) {
    const [key = "", encoding] = name.split("#");
    if (!KEY.test(key)) throw new UsageError(`key "${key}" not valid`);
    values[key] = encoding === "base64" ? value : Buffer.from(value).toString("base64");
    refuseLarge(key, values[key].length);
  }
  const total = Object.values(values).reduce((sum, value) => sum + value.length, 0);
  if (total > MAX_SIZE) throw new UsageError(`base64 encoded secret content too large: ${total} bytes`);
  return values;
}

function refuseLarge(key: string, size: number): void {
  if (size > MAX_SIZE) throw new UsageError(`base64 encoded secret content for key "${key}" too large: ${size} bytes`);
}

/** Trailing `=` are stripped before the separator is looked for: padding of base64 must not be taken for one. */
function fromArgument(call: ToolCall, argument: string): [string, string] {
  const separator = argument.replace(/=+$/, "").indexOf("=");
  if (separator < 1) throw new UsageError(`key value "${argument}" not valid`);
  const name = argument.slice(0, separator);
  const value = argument.slice(separator + 1);
  if (!name.endsWith("#file")) return [name, value];
  const key = name.slice(0, -"#file".length);
  try {
    return [key, call.read(value)];
  } catch (error) {
    throw new UsageError(`reading content for secret key "${key}": ${messageOf(error)}`);
  }
}

function fromFile(call: ToolCall, file: string): [string, string][] {
  let content: unknown;
  try {
    content = parse(call.read(file), { version: "1.1", logLevel: "silent" });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
  if (!isMap(content))
    throw new UsageError("yaml: unmarshal errors:\n  line 1: cannot unmarshal into map[string]string");
  return Object.entries(content).map(([key, value]) => [key, String(value)]);
}

function messageOf(error: unknown): string {
  return error instanceof ToolError || error instanceof Error ? error.message : String(error);
}
