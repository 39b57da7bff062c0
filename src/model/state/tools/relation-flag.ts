/** `-r`, `--relation`. Juju 3.6: uniter/runner/jujuc/context.go relationIdValue. */
import type { ContextRelation } from "../agent/context.ts";
import { type FlagSpec, UsageError } from "./flags.ts";
import type { ToolCall } from "./tool.ts";

export const RELATION_FLAG: FlagSpec = {
  names: ["relation", "r"],
  kind: "text",
  help: "Specify a relation by id",
  check(value, { relations }) {
    const id = numberIn(value);
    if (id === undefined) throw new Error("invalid relation id");
    if (!relations.has(id)) throw new Error("relation not found");
  },
};

/** Text before the last colon is ignored, not compared. */
function numberIn(value: string): number | undefined {
  const text = value.slice(value.lastIndexOf(":") + 1);
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}

/** The relation the command is about: that of the flag, else the hook's, else none. */
export function relationOf(call: ToolCall): ContextRelation | undefined {
  const given = call.text("relation");
  const id = given === undefined ? call.context.relationId : numberIn(given);
  return id === null || id === undefined ? undefined : call.context.relations.get(id);
}

export function neededRelation(call: ToolCall): ContextRelation {
  const relation = relationOf(call);
  if (relation === undefined) throw new UsageError("no relation id specified");
  return relation;
}
