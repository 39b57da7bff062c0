/**
 * The state itself: one tree of plain JSON. Functions of this room change it in place; nobody else does.
 * What Juju keeps on the controller and what a unit's agent keeps in its own files lie side by side here, but the rules
 * never let one side read the other's: see `agent/`.
 */
import type { AgentRow } from "./agent-data.ts";
import type { JujuLineName } from "./juju-line.ts";
import type { CharmInfo, ConfigValue, Random, LogEntry, LogLevel, StatusValue, Task } from "./types.ts";

export type Life = "alive" | "dying";
export type Bag = Record<string, string>;

export interface ModelData {
  schema: 1;
  name: string;
  uuid: string;
  /** The line of Juju that is played; absent in a record of an earlier version: the first one. */
  juju?: JujuLineName;
  created: number;
  revision: number;
  /** As in Juju 3.6: units count per application name for ever, charms per charm name, the rest once a model. */
  sequences: {
    machine: number;
    relation: number;
    task: number;
    /** Counts down: `juju-exec` inside machines. */
    command: number;
    storage: number;
    unit: Record<string, number>;
    charm: Record<string, number>;
  };
  /** Model settings that were set by the operator; defaults are not in it. */
  config: Record<string, string>;
  charms: Record<string, CharmRow>;
  applications: Record<string, ApplicationRow>;
  units: Record<string, UnitRow>;
  machines: Record<string, MachineRow>;
  relations: Record<string, RelationRow>;
  secrets: Record<string, SecretRow>;
  tasks: Record<string, Task>;
  inferred: Inferred;
}

/** Behaviour that follows from Juju's code, but that none of its tests pins: a charm should bear either. */
export interface Inferred {
  /** After an agent restart a dying unit runs `<peer>-relation-broken`; JUJU_REMOTE_APP of any `broken` is empty. */
  peerBrokenAfterRestart: boolean;
  /** `secret-changed` also fires after a unit's very first read, if the latest revision is 2 or more. */
  secretChangedOnFirstRead: boolean;
  /** Secrets of a commit stay although the rest of it is refused. */
  secretsApart: boolean;
}

export interface CharmRow {
  url: string;
  revision: number;
  info: CharmInfo;
}

export interface ApplicationRow {
  name: string;
  life: Life;
  charm: string;
  /** Bumped by refresh and attach-resource: units run `upgrade-charm` for each bump. */
  charmModified: number;
  /** Set by `refresh --force-units`: also units in hook error upgrade. */
  forceCharm: boolean;
  base: string;
  exposed: boolean;
  settings: Record<string, ConfigValue>;
  /** Resource name → what was attached last. */
  resources: Record<string, { path: string; revision: number }>;
  leaderSettings: Bag;
  leaderSettingsVersion: number;
  /** `since`: when the lease was granted; `expires`: only while the holder does not renew it. */
  lease: { holder: string; since: number; expires: number | null } | null;
  version: string;
  /** What the leader said with `status-set --application`, else null. */
  status: StatusValue | null;
}

export interface UnitRow {
  name: string;
  application: string;
  life: Life;
  machine: string;
  workload: StatusValue;
  agentStatus: StatusValue;
  /** The charm has called `status-set` at least once. */
  statusSet: boolean;
  resolved: "none" | "retry" | "skip";
  forced?: ForcedRow;
  ports: PortRow[];
  storage: StorageRow[];
  state: Bag;
  agent: AgentRow;
}

/** Removal by force: what has not ended by itself at `at` is ended by the controller. */
export interface ForcedRow {
  at: number;
  /** Milliseconds that each step of the removal is waited for. */
  wait: number;
  /** It counts as dead; only its agent has not been there yet to take it away. */
  dead: boolean;
}

export interface PortRow {
  endpoint: string;
  protocol: "tcp" | "udp" | "icmp";
  from: number;
  to: number;
}

export interface StorageRow {
  id: string;
  name: string;
  kind: "filesystem" | "block";
  location: string;
  attached: boolean;
}

export interface MachineRow {
  id: string;
  /** `dead`: nothing is on it any more; whoever runs machines takes it away, then says so. */
  life: "alive" | "dead";
  agent: StatusValue;
  instance: StatusValue;
  address: string;
  instanceId: string;
  hostname: string;
  base: string;
  rebootRequested: boolean;
}

export interface RelationRow {
  id: number;
  life: Life;
  interface: string;
  /** Provider first; a single one for a peer relation. */
  endpoints: EndpointRow[];
  /** Every unit that ever entered, with its bag; it stays until the relation goes. */
  units: Record<string, ScopeRow>;
  apps: Record<string, VersionedBag>;
  /** Since when its status is what it is, as last seen; absent in a record of an earlier version. */
  seen?: { status: "joining" | "joined"; since: number };
  forced?: ForcedRow;
}

export interface EndpointRow {
  application: string;
  name: string;
  role: "provides" | "requires" | "peer";
}

export interface VersionedBag {
  values: Bag;
  /** 0 = never written. */
  version: number;
}

export interface ScopeRow extends VersionedBag {
  /** Others see the unit. */
  visible: boolean;
  /** The unit still counts: the relation cannot go before it has left. */
  entered: boolean;
}

export interface SecretRow {
  id: string;
  owner: { kind: "application" | "unit"; name: string };
  label: string;
  description: string;
  rotate: string;
  nextRotate: number | null;
  latest: number;
  /** Revision → content, base64 by key. */
  revisions: Record<string, SecretRevision>;
  grants: SecretGrant[];
  consumers: Record<string, { label: string; revision: number }>;
}

export interface SecretRevision {
  values: Bag;
  checksum: string;
  created: number;
  expire: number | null;
}

export interface SecretGrant {
  kind: "application" | "unit";
  name: string;
  relation: number;
}

/** What every function of the room works with. */
export interface Core {
  readonly data: ModelData;
  readonly random: Random;
  /** Marks a change: whoever keeps snapshots writes one. */
  changed(): void;
  log(entry: LogEntry): void;
}

export function logAt(
  core: Core,
  time: number,
  entity: string,
  level: LogLevel,
  module: string,
  message: string,
): void {
  core.log({ time, entity, level, module, message });
}
