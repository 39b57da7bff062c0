/**
 * The seams inside the local model.
 *
 * - The *state* (`state/`) is Juju's controller and the brain of every unit agent: data and rules, no I/O, no clock of its
 *   own (times are passed in). It can be written to JSON and read back at any moment between two calls.
 * - The *supervisor* (`supervisor/`) is the process that drives it: machines, hook processes, sockets, logs, timers.
 * - A *plug-in* plays an application without a charm (PostgreSQL): the other side of a relation.
 */

/** A hook command as it arrives from a unit. `stdin` is null until the command has asked for it. */
export interface ToolRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly stdin: string | null;
}

export interface ToolReply {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The command wants standard input (`--file -`): ask again with it. */
  readonly needsStdin?: boolean;
  /** `-o FILE`: text to write inside the unit (absolute path) in place of stdout. */
  readonly writeFile?: { readonly path: string; readonly content: string };
  /** Files inside the unit that the command must read first (`secret-add key#file=…`): ask again with `files`. */
}

/** One thing a unit does next (HC §2.1). */
export type Operation =
  | { readonly kind: "deploy" }
  | { readonly kind: "hook"; readonly hook: HookInfo }
  | { readonly kind: "action"; readonly task: number; readonly name: string }
  | { readonly kind: "exec"; readonly task: number; readonly script: string }
  | { readonly kind: "terminate" };

/** What a hook is about; also the key under which a failed one is retried. */
export interface HookInfo {
  /** `config-changed`, `peers-relation-joined`, … */
  readonly name: string;
  readonly relationId?: number;
  readonly remoteUnit?: string;
  readonly remoteApp?: string;
  readonly departingUnit?: string;
  readonly secretId?: string;
  readonly secretLabel?: string;
  readonly secretRevision?: number;
  readonly storageId?: string;
}

/** A hook, action or exec under way. `contextId` ties hook commands to it. */
export interface Run {
  readonly contextId: string;
  readonly unit: string;
  readonly operation: Operation;
  /** The whole environment less PATH's tail and TERM/LANG, which the supervisor knows. */
  readonly environment: Readonly<Record<string, string>>;
  /** Executes one hook command. `readFile` reads a file of the unit's machine (absolute path). */
  tool(request: ToolRequest, now: number, readFile: (path: string) => string): ToolReply;
}

export type Outcome =
  | { readonly exit: number; readonly stdout: string; readonly stderr: string }
  | { readonly signal: string; readonly stdout: string; readonly stderr: string };

/** What a plug-in may do in the model. All values are strings, as in databags. */
export interface PluginHost {
  readonly application: string;
  readonly unit: string;
  readonly modelUuid: string;
  /** A directory of its own on the host, kept until the application is removed. */
  readonly directory: string;
  /** Address in the model's network where its server listens, and the words to enter that network. */
  readonly address: string;
  readonly enter: readonly string[];
  setStatus(status: "maintenance" | "waiting" | "blocked" | "active", message: string): void;
  setVersion(version: string): void;
  openPort(port: string): void;
  /** Relations of an endpoint, with the remote application's bag. */
  relations(endpoint: string): readonly PluginRelation[];
  log(level: "DEBUG" | "INFO" | "WARNING" | "ERROR", message: string): void;
}

export interface PluginRelation {
  readonly id: number;
  readonly remoteApp: string;
  readonly remoteUnits: readonly string[];
  remoteAppData(): Readonly<Record<string, string>>;
  remoteUnitData(unit: string): Readonly<Record<string, string>>;
  /** Own application bag; setting "" deletes. */
  setAppData(data: Readonly<Record<string, string>>): void;
  appData(): Readonly<Record<string, string>>;
  setUnitData(data: Readonly<Record<string, string>>): void;
  /** Adds or updates an app-owned secret under a label, grants it to the remote application, returns its URI. */
  secret(label: string, content: Readonly<Record<string, string>>): string;
}

/** An application that the model plays itself. */
export interface Plugin {
  /** Charm name as on Charmhub: `postgresql`. */
  readonly charm: string;
  /** Channels it can play, first is the default: `16/stable`. */
  readonly channels: readonly string[];
  readonly endpoints: Readonly<Record<string, { readonly role: "provides" | "requires"; readonly interface: string }>>;
  /** config.yaml `options` it accepts. */
  readonly options: Readonly<
    Record<
      string,
      {
        readonly type: "string" | "int" | "boolean";
        readonly default?: string | number | boolean;
        readonly description: string;
      }
    >
  >;
  create(host: PluginHost): PluginInstance;
}

export interface PluginInstance {
  /** Brings its server up (again). Called on deploy and after a restart of the supervisor; idempotent. */
  start(config: Readonly<Record<string, string | number | boolean>>): Promise<void>;
  /** Something about its relations changed: brings databags and server to what they should be. Level-triggered, idempotent. */
  reconcile(): Promise<void>;
  /** Called every second: what has happened to its server meanwhile is seen, told, and put right. Cheap if nothing has. */
  look(): Promise<void>;
  /** `machine down`: stops the server, keeps data. */
  stop(): Promise<void>;
  /** Removes everything. */
  destroy(): Promise<void>;
  /** Actions it offers: name → handler. */
  readonly actions: Readonly<
    Record<string, (params: Readonly<Record<string, unknown>>) => Promise<Record<string, string>>>
  >;
}
