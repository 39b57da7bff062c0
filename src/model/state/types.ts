/**
 * The vocabulary of the local model's state as its callers see it: what goes into the verbs and what comes out.
 * Times are milliseconds since 1970, numbered things carry Juju's numbers, all databag and resource values are strings.
 */
import type { Outcome, Run } from "../contract.ts";
import type { CharmInfo, ConfigValue, OptionType } from "./charm-types.ts";

export type * from "./charm-types.ts";
export type * from "./status-types.ts";

export type Random = (bytes: number) => Uint8Array;

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
