/** A planted fault: the production code runs unchanged, what it stands on is wrong. */
import type { AgentPorts } from "../../src/agent/ports.ts";
import type { Machine } from "../../src/charm/reconcile.ts";
import type { SimUnit } from "../world/unit.ts";

export interface Mutation {
  readonly name: string;
  readonly ports: (ports: AgentPorts, unit: SimUnit) => AgentPorts;
  readonly machine: (machine: Machine, unit: SimUnit) => Machine;
}

export const mutation = (name: string, change: Partial<Omit<Mutation, "name">>): Mutation => ({
  name,
  ports: (ports) => ports,
  machine: (machine) => machine,
  ...change,
});

export const NONE = mutation("none", {});
