/**
 * What the charm notes on its machine: as files on the machine's disk, and as they were read last. Whoever changes them
 * by the charm's own steps keeps both alike; after a hook that was killed, or a loss of power, the disk is read anew.
 */
import { CURRENT_RELEASE } from "../../src/concourse/services.ts";
import { MEMORY } from "../../src/charm/machine.ts";
import type { Cluster } from "../../src/relations/peers.ts";
import type { Machine } from "../disk/machine.ts";

export interface CharmMemory {
  claimedBy: string | null;
  /** Counts as durable at once, as do the agent's program and the system's users. */
  stopped: boolean;
  agentProgram: string | null;
  userExists: boolean;
  followed: Cluster | null;
  /** Name of the release the link leads to. */
  current: string | null;
  heeds: string | null;
  reloadPending: boolean;
  readonly files: Map<string, string>;
  /** Every path that was ever written. */
  readonly paths: Set<string>;
}

const HOSTS = "/etc/hosts";

export const blankMemory = (): CharmMemory => ({
  claimedBy: null,
  stopped: false,
  agentProgram: null,
  userExists: false,
  followed: null,
  current: null,
  heeds: null,
  reloadPending: false,
  files: new Map([[HOSTS, "127.0.0.1 localhost\n"]]),
  paths: new Set(),
});

/** Reads from the disk what the steps have written there. */
export function recall(memory: CharmMemory, machine: Machine): void {
  const link = machine.node(CURRENT_RELEASE);
  memory.claimedBy = machine.text(MEMORY.owner);
  memory.followed = JSON.parse(machine.text(MEMORY.followed) ?? "null") as Cluster | null;
  memory.current = link?.kind === "link" ? (link.target.split("/").at(-1) ?? null) : null;
  memory.heeds = machine.text(MEMORY.heeds);
  memory.reloadPending = machine.node(MEMORY.reloadPending) !== null;
  for (const path of memory.paths) {
    const text = machine.text(path);
    if (text !== null) memory.files.set(path, text);
    // The machine's own file is there again as long as nobody has durably replaced it.
    else if (path === HOSTS) memory.files.set(path, blankMemory().files.get(path) ?? "");
    else memory.files.delete(path);
  }
}
