/** state-get, state-set, state-delete. Juju 3.6: uniter/runner/jujuc/state-*.go, core/state limits. */
import { UsageError } from "./flags.ts";
import { readKeyValues } from "./key-values.ts";
import { ALL_FORMATS, type Tool, ToolError } from "./tool.ts";

const MAX_KEY = 256;
const MAX_VALUE = 65_536;

const stateGet: Tool = {
  name: "state-get",
  usage: "[<key>]",
  purpose: "Print server-side-state value.",
  formats: ALL_FORMATS,
  flags: [{ names: ["strict"], kind: "bool", help: "Return an error if the requested key does not exist" }],
  run(call) {
    const [key = ""] = call.args;
    call.atMost(1);
    const state = call.context.ownState();
    // Go's nil map: null in JSON, an empty map elsewhere.
    if (key === "" || key === "-")
      return Object.keys(state).length === 0 ? { value: null, ...emptyMap(call.text("format")) } : { value: state };
    const value = state[key];
    if (value === undefined && call.is("strict")) throw new ToolError(`"${key}" not found`);
    return { value: value ?? "" };
  },
};

function emptyMap(format: string | undefined): { value?: unknown; smart: unknown } {
  return format === "yaml" ? { value: {}, smart: {} } : { smart: {} };
}

const stateSet: Tool = {
  name: "state-set",
  usage: "<key>=<value> [<key>=<value> ...]",
  purpose: "Set server-side-state values.",
  flags: [{ names: ["file"], kind: "text", help: "file containing key-value pairs" }],
  run(call) {
    const values = readKeyValues(call);
    for (const [key, value] of Object.entries(values)) refuseLarge(key, value);
    if (Object.keys(values).length > 0) Object.assign(call.context.editState(), values);
  },
};

function refuseLarge(key: string, value: string): void {
  if (Buffer.byteLength(key) > MAX_KEY) throw new ToolError(`max allowed key length (${MAX_KEY}) exceeded`);
  if (Buffer.byteLength(value) > MAX_VALUE) throw new ToolError(`max allowed value length (${MAX_VALUE}) exceeded`);
}

const stateDelete: Tool = {
  name: "state-delete",
  usage: "<key>",
  purpose: "Delete server-side-state key value pairs.",
  run(call) {
    const [key] = call.args;
    if (key === "") throw new UsageError("key must not be empty");
    call.atMost(1);
    if (key !== undefined && key in call.context.ownState()) delete call.context.editState()[key];
  },
};

export const STATE_TOOLS: readonly Tool[] = [stateGet, stateSet, stateDelete];
