/** What a unit's agent knows, as the state keeps it beside what the controller knows. */
import type { HookInfo } from "../contract.ts";

/** The unit agent's own memory (Juju 3.6, internal/worker/uniter/operation/state.go and what its workers keep in RAM). */
export interface AgentRow {
  connected: boolean;
  /** It ran at least once. */
  everStarted: boolean;
  installed: boolean;
  started: boolean;
  stopped: boolean;
  removed: boolean;
  /** The flag behind `leader-elected`; follows the lease. */
  leader: boolean;
  rebooted: boolean;
  /** The charm that is unpacked; null before the first. */
  charm: { url: string; modified: number } | null;
  /** When unpacking may be tried again after it failed; null = it did not fail. */
  deployRetry: number | null;
  configHash: string;
  addressHash: string;
  /** It has run `config-changed` for a changed option, and does so once more (`JujuLine.configChanged`). */
  configAgain?: boolean;
  /** In RAM at Juju's: 0 after every start of the agent. */
  leaderSettingsSeen: number;
  current: { hook: HookInfo; step: "queued" | "running" | "failed" } | null;
  retry: { attempts: number; at: number } | null;
  updateStatus: { due: number; ticks: number; seen: number } | null;
  relations: Record<string, LocalRelation>;
  /** Secret id → latest revision the unit was told of. */
  secretsNotified: Record<string, number>;
  /** Secret id → revisions whose `secret-remove` ran. */
  secretsRemoved: Record<string, number[]>;
}

/** What the agent knows of a relation whose scope it entered. */
export interface LocalRelation {
  created: boolean;
  /** Remote units whose `joined` was committed → version of their bag last handled. */
  members: Record<string, number>;
  apps: Record<string, number>;
  /** A unit whose `changed` must directly follow its `joined`. */
  changedPending: string | null;
  /** `broken` was committed: the agent knows the relation no more. */
  broken: boolean;
  /** Met before the agent's last restart. */
  beforeRestart: boolean;
  /** Remote units' bags as read; survives hooks, dies with the agent. */
  cache: Record<string, Record<string, string>>;
}
