/** resource-get. Juju 3.6: uniter/runner/jujuc/resource-get.go. */
import { charmOf } from "../rows.ts";
import { UsageError } from "./flags.ts";
import { type Tool, type ToolCall, ToolError } from "./tool.ts";

const resourceGet: Tool = {
  name: "resource-get",
  usage: "<resource name>",
  purpose: "Get the path to the locally cached resource file.",
  run(call) {
    const [name] = call.args;
    if (name === undefined || name === "") throw new UsageError("missing required resource name");
    call.atMost(1);
    return { text: pathOf(call, name) };
  },
};

/** Printed without a newline. */
function pathOf({ context }: ToolCall, name: string): string {
  const declared = charmOf(context.core.data, context.application).info.resources[name];
  if (declared === undefined || context.application.resources[name] === undefined) {
    throw new ToolError(`could not download resource: resource "${context.application.name}/${name}" not found`);
  }
  try {
    return context.place.resourcePath(name);
  } catch (error) {
    throw new ToolError(`could not download resource: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export const RESOURCE_TOOLS: readonly Tool[] = [resourceGet];
