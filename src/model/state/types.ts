/**
 * The vocabulary of the local model's state as its callers see it: what goes into the verbs and what comes out.
 * Times are milliseconds since 1970, numbered things carry Juju's numbers, all databag and resource values are strings.
 */
import type { Outcome, Run } from "../contract.ts";

export type Random = (bytes: number) => Uint8Array;
export type Role = "provides" | "requires" | "peer";
export type OptionType = "string" | "int" | "float" | "boolean" | "secret";
export type ConfigValue = string | number | boolean;

export interface Endpoint {
  readonly role: Role;
  readonly interface: string;
  /** Most relations the endpoint takes; 0 = any number. */
  readonly limit: number;
}

export interface CharmOption {
  readonly type: OptionType;
  readonly default?: ConfigValue;
  readonly description: string;
}

export interface CharmAction {
  readonly description: string;
  readonly parallel: boolean;
  /** Name of the lock the action takes in place of the machine's; "" = the machine's. */
  readonly executionGroup: string;
  /** JSON schema of the parameters: `{type: "object", properties, required?, additionalProperties?}`. */
  readonly schema: Readonly<Record<string, unknown>>;
}

export interface CharmStorage {
  readonly type: "filesystem" | "block";
  /** Instances a unit gets at deployment. */
  readonly minimum: number;
  /** Most instances of a unit; -1 = any number. */
  readonly maximum: number;
  readonly location: string;
}

export interface CharmBase {
  readonly name: string;
  /** `24.04/stable` */
  readonly channel: string;
  readonly architectures: readonly string[];
}

/** What was read from a charm's artefact, or from a plug-in's descriptor. */
export interface CharmInfo {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  readonly extraBindings: readonly string[];
  readonly options: Readonly<Record<string, CharmOption>>;
  readonly actions: Readonly<Record<string, CharmAction>>;
  /** Resource name → the file name it gets in the unit. */
  readonly resources: Readonly<Record<string, { readonly filename: string; readonly description: string }>>;
  readonly storage: Readonly<Record<string, CharmStorage>>;
  readonly bases: readonly CharmBase[];
  /** `lxd-profile.yaml`, or null. */
  readonly profile: Readonly<Record<string, unknown>> | null;
  /** First line of the file `version`; "" = none. */
  readonly version: string;
  /** SHA-256 of the archive in hex, and its path on the host: filled in by who read it; "" for a plug-in. */
  readonly sha256: string;
  readonly path: string;
  /** Charmhub channel that a plug-in plays; null for a charm from a file. */
  readonly channel: string | null;
}

export interface DeployOptions {
  readonly charm: CharmInfo;
  readonly name?: string;
  readonly units: number;
  readonly config: Readonly<Record<string, string>>;
  /** Resource name → path of the file on the host. */
  readonly resources: Readonly<Record<string, string>>;
  /** `ubuntu@24.04` */
  readonly base?: string;
  /** Machines that are there already, one a unit; units beyond them get machines of their own. */
  readonly to?: readonly string[];
  readonly now: number;
}

export interface DeployResult {
  readonly application: string;
  readonly units: readonly string[];
  /** Lines that Juju's client writes to stderr. */
  readonly messages: readonly string[];
}

/** How a thing is removed. */
export interface Removal {
  /** Milliseconds after which what is still there goes by force, hooks or not; null (the default) = it waits for hooks. */
  readonly wait?: number | null;
  /** Only tell what would go. */
  readonly dryRun?: boolean;
}

export interface ConfigListing {
  readonly application: string;
  readonly "application-config": Readonly<Record<string, OptionListing>>;
  readonly charm: string;
  readonly settings: Readonly<Record<string, OptionListing>>;
}

export interface OptionListing {
  readonly default?: ConfigValue;
  readonly description: string;
  readonly source: "default" | "user" | "unset";
  readonly type: OptionType | "bool";
  readonly value?: ConfigValue;
}

export type TaskStatus = "pending" | "running" | "completed" | "failed" | "aborting" | "aborted" | "cancelled";

export interface Task {
  /**
   * Juju's number; from the sequence that operations take theirs from. Commands of `juju-exec` inside a machine
   * don't pass the controller: they have negative numbers of their own and no operation (0).
   */
  readonly id: number;
  readonly operation: number;
  readonly unit: string;
  /** Action name; `juju-exec` for a script. */
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** The script of an exec; null for an action. */
  readonly script: string | null;
  /** The relation in whose context an exec runs (`juju-exec -r`, `--remote-unit`). */
  readonly relation: { readonly id: number; readonly remoteUnit: string } | null;
  status: TaskStatus;
  message: string;
  /** Nested results; `return-code` is a number, everything else strings and maps. */
  results: Record<string, unknown>;
  log: { readonly time: number; readonly message: string }[];
  readonly enqueued: number;
  started: number | null;
  completed: number | null;
}

export interface Enqueued {
  readonly operation: number;
  readonly tasks: readonly { readonly id: number; readonly unit: string }[];
  /** Why a receiver got no task, in Juju's words. */
  readonly errors: readonly string[];
}

export type LogLevel = "TRACE" | "DEBUG" | "INFO" | "WARNING" | "ERROR" | "CRITICAL";

export interface LogEntry {
  readonly time: number;
  /** `unit-app-0`, `machine-0` */
  readonly entity: string;
  readonly level: LogLevel;
  /** `unit.app/0.juju-log`, `juju.worker.uniter.operation` */
  readonly module: string;
  readonly message: string;
}

export interface MachineChange {
  readonly status?: "pending" | "started" | "stopped" | "down" | "error";
  readonly message?: string;
  readonly address?: string;
  readonly instanceId?: string;
  readonly hostname?: string;
  /** `ubuntu@24.04` */
  readonly base?: string;
}

/** What a run needs to know of the place it happens in. Paths are those inside the unit's machine. */
export interface RunPlace {
  readonly charmDirectory: string;
  /** Directory of the hook commands: the first entry of PATH. */
  readonly toolsDirectory: string;
  /** `host:port` each */
  readonly apiAddresses: readonly string[];
  /** Where hook commands connect to: JUJU_AGENT_SOCKET_ADDRESS and _NETWORK. */
  readonly socket: { readonly address: string; readonly network: string };
  readonly availabilityZone?: string;
  /** What the machine's os-release says, `ubuntu@24.04`; Debian is not Ubuntu here. */
  readonly base: string;
  /** Path inside the machine of the current file of a resource; throws an Error whose message tells why there is none. */
  resourcePath(resource: string): string;
}

/** A run, with what the supervisor must know besides the contract. */
export interface StateRun extends Run {
  /** Asked for by `juju-reboot`: `now` = kill the process at once, `after` = once the hook and its commit succeeded. */
  readonly reboot: "no" | "after" | "now";
}

/** How a run ended; `missing`: the charm has neither `dispatch` nor the hook's or action's own file. */
export type Ending =
  | (Outcome & {
      /** Where the bytes are no UTF-8, stdout or stderr is base64 and this says so. */
      readonly encodings?: { readonly "stdout-encoding"?: "base64"; readonly "stderr-encoding"?: "base64" };
    })
  | { readonly missing: true };

export interface StatusValue {
  readonly current: string;
  readonly message: string;
  readonly since: number;
}

export interface UnitStatus {
  readonly workload: StatusValue;
  readonly agent: StatusValue & { readonly version: string };
  readonly life: "alive" | "dying";
  readonly leader: boolean;
  readonly machine: string;
  /** `80/tcp`, `8000-8010/udp`, `icmp`: sorted by protocol, then port. */
  readonly ports: readonly string[];
  readonly address: string;
}

export interface ApplicationStatus {
  /** Charm name for Charmhub, URL (`local:app-3`) otherwise. */
  readonly charm: string;
  readonly charmName: string;
  readonly charmOrigin: "local" | "charmhub";
  readonly charmRevision: number;
  readonly charmChannel: string;
  readonly charmVersion: string;
  readonly charmProfile: string;
  readonly base: { readonly name: string; readonly channel: string };
  readonly exposed: boolean;
  readonly life: "alive" | "dying";
  readonly status: StatusValue;
  /** What `application-version-set` said last. */
  readonly version: string;
  readonly relations: Readonly<
    Record<string, readonly { readonly application: string; readonly interface: string; readonly scope: "global" }[]>
  >;
  readonly endpointBindings: Readonly<Record<string, string>>;
  readonly units: Readonly<Record<string, UnitStatus>>;
}

export interface MachineStatus {
  /** Juju's agent on the machine. */
  readonly agent: StatusValue & { readonly version: string };
  /** The instance: `Running`, `Creating container`. */
  readonly instance: StatusValue;
  readonly hostname: string;
  readonly address: string;
  readonly instanceId: string;
  readonly base: { readonly name: string; readonly channel: string };
}

export interface RelationStatus {
  readonly id: number;
  /** `app:endpoint` */
  readonly provider: string;
  readonly requirer: string;
  readonly interface: string;
  readonly type: "regular" | "peer";
  readonly status: "joining" | "joined" | "broken";
}

export interface StorageStatus {
  readonly id: string;
  readonly unit: string;
  readonly kind: "filesystem" | "block";
  readonly location: string;
  readonly status: "pending" | "attached" | "detaching";
}

/** Everything `juju status` prints, unrendered. Keys of maps are in natural order (`a/2` before `a/10`). */
export interface StatusData {
  readonly now: number;
  readonly model: {
    readonly name: string;
    readonly uuid: string;
    readonly type: "iaas";
    readonly controller: string;
    readonly cloud: string;
    readonly region: string;
    readonly version: string;
    readonly sla: string;
    readonly status: StatusValue;
  };
  readonly applications: Readonly<Record<string, ApplicationStatus>>;
  readonly machines: Readonly<Record<string, MachineStatus>>;
  readonly relations: readonly RelationStatus[];
  readonly storage: readonly StorageStatus[];
}
