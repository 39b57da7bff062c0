/** `key=value` arguments and files of them. Juju 3.6: utils/v3 keyvalues, uniter/runner/jujuc/{relation-set,state-set}.go. */
import { isMap as isYamlMap, isScalar, parseDocument } from "yaml";
import type { Bag } from "../data.ts";
import { UsageError } from "./flags.ts";
import { type ToolCall, ToolError } from "./tool.ts";

/** Split at the first `=`; key and value trimmed; an empty argument is skipped. */
export function parseKeyValues(args: readonly string[]): Bag {
  const values: Bag = {};
  for (const argument of args) {
    if (argument === "") continue;
    const equals = argument.indexOf("=");
    const key = argument.slice(0, Math.max(equals, 0)).trim();
    if (equals === -1 || key === "") throw new UsageError(`expected "key=value", got "${argument}"`);
    if (key in values) throw new UsageError(`key "${key}" specified more than once`);
    values[key] = argument.slice(equals + 1).trim();
  }
  return values;
}

/** Entries of `--file` (YAML, so JSON too), overridden by the arguments. */
export function readKeyValues(call: ToolCall): Bag {
  const given = parseKeyValues(call.args);
  const file = call.text("file");
  return file === undefined || file === "" ? given : { ...parseFile(call.readOrStdin(file)), ...given };
}

/** Scalars count by their literal text: `1.50` stays `1.50`. */
function parseFile(content: string): Bag {
  const document = parseDocument(content, { version: "1.1", logLevel: "silent" });
  const [error] = document.errors;
  if (error !== undefined) throw new ToolError(`yaml: ${error.message.split("\n")[0]}`);
  if (document.contents === null) return {};
  if (!isYamlMap(document.contents)) {
    throw new ToolError("yaml: unmarshal errors:\n  line 1: cannot unmarshal into map[string]string");
  }
  const values: Bag = {};
  for (const { key, value } of document.contents.items) {
    if (!isScalar(key) || !(value === null || isScalar(value))) {
      throw new ToolError("yaml: unmarshal errors:\n  cannot unmarshal nested value into string");
    }
    values[literal(key)] = value === null ? "" : literal(value);
  }
  return values;
}

function literal(scalar: { readonly value: unknown; readonly source?: string }): string {
  if (typeof scalar.value === "string") return scalar.value;
  return scalar.value === null ? "" : (scalar.source ?? String(scalar.value));
}
