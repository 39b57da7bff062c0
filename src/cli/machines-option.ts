import { UserError } from "../errors.ts";
import type { Reach } from "../machines/machine.ts";

/** What several commands take alike. */
export const MACHINES_OPTIONS = {
  machines: {
    type: "string",
    description: "incus, lxd or namespaces (default: one whose daemon answers, else namespaces)",
    valueHint: "KIND",
  },
  image: {
    type: "string",
    description: "Image that containers boot, from a remote of Incus or LXD (default: one built here)",
    valueHint: "REMOTE:ALIAS",
    default: "",
  },
  "agent-version": {
    type: "string",
    description: "Juju that the model plays: 3.6 or 4.0 (default: 3.6)",
    valueHint: "VERSION",
    default: "",
  },
} as const;

/** What the machines of a model reach; it stays so for as long as the model is there. */
export const REACH_OPTIONS = {
  isolated: { type: "boolean", description: "Give machines no way to the network but the model's HTTP proxy" },
  "allow-host": { type: "boolean", description: "Let machines reach addresses of this host too" },
} as const;

/** Undefined where neither is given. @throws UserError where both are. */
export function reachOf(args: {
  readonly isolated: boolean | undefined;
  readonly "allow-host": boolean | undefined;
}): Reach | undefined {
  const { isolated = false, "allow-host": host = false } = args;
  if (isolated && host) throw new UserError("--isolated and --allow-host exclude each other", "Leave one of them out");
  return isolated ? "inside" : host ? "host" : undefined;
}
