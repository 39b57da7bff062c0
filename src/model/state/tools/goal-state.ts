/** goal-state. Juju 3.6: uniter/runner/jujuc/goal-state.go, apiserver/facades/agent/uniter/goal-state.go. */
import type { HookContext } from "../agent/context.ts";
import type { RelationRow, UnitRow } from "../data.ts";
import { unitsOf } from "../rows.ts";
import { isPeer, nearEndpoint, relationsOf, remoteApplication } from "../scopes.ts";
import { relationWord, unitWorkload } from "../status.ts";
import { Struct } from "./output.ts";
import type { Tool } from "./tool.ts";

const goalState: Tool = {
  name: "goal-state",
  usage: "",
  purpose: "Print the status of the charm's peers and related units.",
  formats: ["yaml", "json"],
  run(call) {
    call.atMost(0);
    return { value: goal(call.context) };
  },
};

function goal(context: HookContext): Struct {
  const { data } = context.core;
  const relations: Record<string, Record<string, Struct>> = {};
  for (const relation of relationsOf(data, context.unit.application)) {
    if (isPeer(relation)) continue;
    const { name } = nearEndpoint(relation, context.unit.application);
    Object.assign((relations[name] ??= {}), remoteGoal(context, relation));
  }
  return new Struct({ units: unitGoals(context, context.unit.application), relations });
}

function remoteGoal(context: HookContext, relation: RelationRow): Record<string, Struct> {
  const remote = remoteApplication(relation, context.unit.application);
  const status = relationWord(context.core.data, relation);
  const since = relation.seen === undefined ? {} : { since: utc(relation.seen.since) };
  return { [remote]: new Struct({ status, ...since }), ...unitGoals(context, remote) };
}

function unitGoals({ core: { data } }: HookContext, application: string): Record<string, Struct> {
  return Object.fromEntries(
    unitsOf(data, application).map((unit) => {
      const { current, since } = unitWorkload(unit);
      return [unit.name, new Struct({ status: goalWord(unit, current), since: utc(since) })];
    }),
  );
}

function goalWord(unit: UnitRow, workload: string): string {
  if (unit.life === "dying") return "dying";
  return unit.agentStatus.current === "allocating" ? "allocating" : workload;
}

/** `2006-01-02 15:04:05Z` */
function utc(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace("T", " ")}Z`;
}

export const GOAL_TOOLS: readonly Tool[] = [goalState];
