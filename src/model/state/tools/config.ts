/** config-get, credential-get. Juju 3.6: uniter/runner/jujuc/{config-get,credential-get}.go. */
import { UsageError } from "./flags.ts";
import { ALL_FORMATS, type Tool, ToolError } from "./tool.ts";

const configGet: Tool = {
  name: "config-get",
  usage: "[<key>]",
  purpose: "Print application configuration.",
  formats: ALL_FORMATS,
  flags: [{ names: ["all", "a"], kind: "bool", help: "Print all keys" }],
  run(call) {
    call.atMost(1);
    const [key = ""] = call.args;
    if (key !== "" && call.is("all")) throw new UsageError(`cannot use argument --all together with key "${key}"`);
    const settings = call.context.settings();
    if (key !== "") return { value: settings[key] ?? null };
    const shown = Object.entries(settings).filter(([, value]) => value !== null || call.is("all"));
    return { value: Object.fromEntries(shown) };
  },
};

/** Nothing here is ever trusted with the cloud's credentials. */
const credentialGet: Tool = {
  name: "credential-get",
  usage: "",
  purpose: "Access cloud credentials.",
  formats: ALL_FORMATS,
  run(call) {
    call.atMost(0);
    throw new ToolError("cannot access cloud credentials: permission denied");
  },
};

export const CONFIG_TOOLS: readonly Tool[] = [configGet, credentialGet];
