import type { HookInfo, Operation, PluginHost } from "../contract.ts";
import type { ModelData } from "./data.ts";
import type {
  CharmInfo,
  ConfigListing,
  ConfigValue,
  DeployOptions,
  DeployResult,
  Ending,
  Enqueued,
  LogEntry,
  MachineChange,
  Random,
  RunPlace,
  StateRun,
  StatusData,
  Task,
} from "./types.ts";

export type * from "./types.ts";
export { parseCharm, pluginCharm } from "./charm.ts";

/** Data that may be read but not changed, all the way down. */
export type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

/** The plug-in's view of the model; a process adds directory, address and `enter` to make a `PluginHost` of it. */
export type PluginView = Omit<PluginHost, "directory" | "address" | "enter">;

export interface CreateOptions {
  readonly name: string;
  readonly uuid?: string;
  readonly now: number;
  readonly random: Random;
  /** Default false; see `ModelData.peerBrokenAfterRestart`. */
  readonly peerBrokenAfterRestart?: boolean;
}

/**
 * Juju's controller and the brains of the unit agents: data and rules. No I/O, no clock, no timers: whoever drives it
 * passes the time (`now`, milliseconds since 1970), asks `nextOperation` for each connected unit after every change of
 * `revision`, runs what it is told to, and calls `tick` when `nextDeadline` has come.
 *
 * Every verb throws `UserError` with Juju's own message and then has changed nothing.
 */
export class ModelState {
  static create(_options: CreateOptions): ModelState {
    throw new Error("not yet");
  }

  /** Refuses (Error naming what is wrong) a snapshot of a state that Juju could not have. Runs under way are interrupted as by an agent's death. */
  static restore(_snapshot: unknown, _random: Random): ModelState {
    throw new Error("not yet");
  }

  /** Plain JSON, independent of later changes. */
  snapshot(): unknown {
    throw new Error("not yet");
  }

  /** Rises with every change. */
  get revision(): number {
    throw new Error("not yet");
  }

  /** The whole tree, to look at. */
  get data(): Frozen<ModelData> {
    throw new Error("not yet");
  }

  // --- applications and units

  deploy(_options: DeployOptions): DeployResult {
    throw new Error("not yet");
  }

  /** Returns the new units' names. */
  addUnits(_application: string, _count: number, _now: number): string[] {
    throw new Error("not yet");
  }

  /** Returns the lines Juju prints to stdout: `will remove unit app/1` … */
  removeUnits(_units: readonly string[], _now: number): string[] {
    throw new Error("not yet");
  }

  removeApplication(_application: string, _now: number): string[] {
    throw new Error("not yet");
  }

  /** `app` or `app:endpoint` each. Returns the relation's id. */
  integrate(_a: string, _b: string, _now: number): number {
    throw new Error("not yet");
  }

  removeRelation(_a: string, _b: string, _now: number): void {
    throw new Error("not yet");
  }

  expose(_application: string): void {
    throw new Error("not yet");
  }

  unexpose(_application: string): void {
    throw new Error("not yet");
  }

  /** Values as typed on the command line. */
  setConfig(_application: string, _values: Readonly<Record<string, string>>): void {
    throw new Error("not yet");
  }

  resetConfig(_application: string, _keys: readonly string[]): void {
    throw new Error("not yet");
  }

  getConfig(_application: string): ConfigListing {
    throw new Error("not yet");
  }

  /** `juju config app key`: null = unset. Throws for an unknown key. */
  getConfigValue(_application: string, _key: string): ConfigValue | null {
    throw new Error("not yet");
  }

  attachResource(_application: string, _resource: string, _path: string): void {
    throw new Error("not yet");
  }

  /** Returns the lines Juju's client writes to stderr. `forceUnits`: units in hook error upgrade at once. */
  refresh(_application: string, _charm: CharmInfo, _options: { readonly forceUnits: boolean }): string[] {
    throw new Error("not yet");
  }

  /** The whole model: every application is removed. */
  destroy(_now: number): void {
    throw new Error("not yet");
  }

  /** All settings with defaults. */
  modelConfig(): Readonly<Record<string, string>> {
    throw new Error("not yet");
  }

  setModelConfig(_values: Readonly<Record<string, string>>, _now: number): void {
    throw new Error("not yet");
  }

  resetModelConfig(_keys: readonly string[], _now: number): void {
    throw new Error("not yet");
  }

  resolved(_unit: string, _options: { readonly retry: boolean }): void {
    throw new Error("not yet");
  }

  // --- actions

  /** Receivers: `app/0` or `app/leader`, of one application. */
  enqueueAction(
    _receivers: readonly string[],
    _action: string,
    _params: Readonly<Record<string, unknown>>,
    _now: number,
  ): Enqueued {
    throw new Error("not yet");
  }

  /** `juju exec`: receivers are units or `app/leader`. */
  enqueueExec(_receivers: readonly string[], _script: string, _now: number): Enqueued {
    throw new Error("not yet");
  }

  /** `juju-exec` typed inside a machine: gives a task with a negative id, which `task` knows until `forgetTask`. */
  enqueueCommand(
    _unit: string,
    _script: string,
    _options: { readonly relationId?: number; readonly remoteUnit?: string },
    _now: number,
  ): number {
    throw new Error("not yet");
  }

  task(_id: number): Task {
    throw new Error("not yet");
  }

  /** Drops an ended command of a machine. */
  forgetTask(_id: number): void {
    throw new Error("not yet");
  }

  /** A pending task never runs; of a running one the status is `aborting` then: kill its process. */
  cancelTask(_id: number, _now: number): void {
    throw new Error("not yet");
  }

  // --- machines and agents

  setMachine(_id: string, _change: MachineChange, _now: number): void {
    throw new Error("not yet");
  }

  /** Machines on which nothing is left (`life: dead`) go when they are gone. */
  machineGone(_id: string, _now: number): void {
    throw new Error("not yet");
  }

  /** Machines for which a charm asked a reboot that may happen now. */
  rebootsRequested(): string[] {
    throw new Error("not yet");
  }

  agentStarted(_unit: string, _now: number, _options: { readonly rebooted: boolean }): void {
    throw new Error("not yet");
  }

  agentStopped(_unit: string, _now: number): void {
    throw new Error("not yet");
  }

  /** Leases, update-status, retries, rotations that have come due. */
  tick(_now: number): void {
    throw new Error("not yet");
  }

  /** When `tick` must be called next, or null. */
  nextDeadline(): number | null {
    throw new Error("not yet");
  }

  /** The one thing the unit does next; null: nothing now, or its machine's lock is taken. */
  nextOperation(_unit: string, _now: number): Operation | null {
    throw new Error("not yet");
  }

  /** The charm a unit must have in its charm directory when an operation `deploy` is done. */
  targetCharm(_unit: string): CharmInfo & { readonly url: string; readonly revision: number } {
    throw new Error("not yet");
  }

  begin(_unit: string, _operation: Operation, _place: RunPlace, _now: number): StateRun {
    throw new Error("not yet");
  }

  /** The run under way with this context id, or undefined. */
  run(_contextId: string): StateRun | undefined {
    throw new Error("not yet");
  }

  finish(_run: StateRun, _ending: Ending, _now: number): void {
    throw new Error("not yet");
  }

  /** Log lines since the last call. */
  drainLog(): LogEntry[] {
    throw new Error("not yet");
  }

  pluginView(_application: string, _clock: () => number): PluginView {
    throw new Error("not yet");
  }

  status(_now: number): StatusData {
    throw new Error("not yet");
  }

  /** What is wrong with the state, as sentences; empty for a state Juju could have. */
  check(): string[] {
    throw new Error("not yet");
  }
}

export type { HookInfo };
