/** A planted fault: the production code runs unchanged, what it stands on is wrong. */
import type { AgentPorts } from "../../src/agent/ports.ts";
import type { Machine } from "../../src/charm/reconcile.ts";
import type { SimUnit } from "../world/unit.ts";

export interface Mutation {
  readonly name: string;
  /** False: only a lock that excludes nobody lets it do harm. */
  readonly lock?: boolean;
  readonly ports: (ports: AgentPorts, unit: SimUnit) => AgentPorts;
  readonly machine: (machine: Machine, unit: SimUnit) => Machine;
}

export const NONE: Mutation = { name: "none", ports: (ports) => ports, machine: (machine) => machine };
