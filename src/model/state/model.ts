import { UserError } from "../../errors.ts";
import type { Operation, PluginHost } from "../contract.ts";
import { agentStarted, agentStopped, begin, nextOperation, type Runs, settlePlayed } from "./agent/agent.ts";
import { finishRun } from "./agent/finish.ts";
import { UnitRun } from "./agent/run.ts";
import { addUnits, attachResource, deploy, refresh, setExposed } from "./applications.ts";
import { inconsistencies } from "./checker.ts";
import type { Core, Inferred, ModelData } from "./data.ts";
import { settleForced } from "./force.ts";
import { integrate, removeRelation } from "./integrate.ts";
import { expireLease, settleLeadership } from "./leases.ts";
import { machineGone, setMachine } from "./machines.ts";
import { modelConfig, resetModelConfig, setModelConfig } from "./model-config.ts";
import { naturally } from "./names.ts";
import { pluginView } from "./plugin-view.ts";
import { uuid4 } from "./random.ts";
import { applicationNamed, charmOf, existing, unitNamed } from "./rows.ts";
import { configValue, listConfig, resetConfig, setConfig } from "./settings.ts";
import { statusOf } from "./status.ts";
import {
  cancelTask,
  type CommandOptions,
  enqueueAction,
  enqueueCommand,
  enqueueExec,
  forgetTask,
  taskNumbered,
} from "./tasks.ts";
import { nextDeadline, tickTimers } from "./timers.ts";
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
  Removal,
  RunPlace,
  StateRun,
  StatusData,
  Task,
} from "./types.ts";
import { applicationToRemove, removeApplication, removeUnits, sweepApplications, unitsToRemove } from "./units.ts";

export type * from "./types.ts";
export { parseCharm, pluginCharm } from "./charm.ts";
export { FORCE_WAIT } from "./units.ts";

/** Data that may be read but not changed, all the way down. */
export type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

/** The plug-in's view of the model; a process adds directory, address and `enter` to make a `PluginHost` of it. */
export type PluginView = Omit<PluginHost, "directory" | "address" | "enter">;

export interface CreateOptions {
  readonly name: string;
  readonly uuid?: string;
  readonly now: number;
  readonly random: Random;
  /** Behaviour of Juju that none of its tests pins. */
  readonly inferred?: Partial<Inferred>;
}

const INFERRED: Inferred = { peerBrokenAfterRestart: false, secretChangedOnFirstRead: true, secretsApart: false };

/**
 * Juju's controller and the brains of the unit agents: data and rules. No I/O, no clock, no timers: whoever drives it
 * passes the time (`now`, milliseconds since 1970), asks `nextOperation` for each connected unit after every change of
 * `revision`, runs what it is told to, and calls `tick` when `nextDeadline` has come.
 *
 * Every verb throws `UserError` with Juju's own message and then has changed nothing.
 */
export class ModelState {
  readonly #core: Core;
  readonly #data: ModelData;
  readonly #runs: Runs = new Map();
  #log: LogEntry[] = [];
  #ticked = 0;

  private constructor(data: ModelData, random: Random) {
    this.#data = data;
    this.#core = {
      data,
      random,
      changed: () => void data.revision++,
      log: (entry) => void this.#log.push(entry),
    };
  }

  static create({ name, uuid, now, random, inferred }: CreateOptions): ModelState {
    return new ModelState(
      {
        schema: 1,
        name,
        uuid: uuid ?? uuid4(random),
        created: now,
        revision: 0,
        sequences: { machine: 0, relation: 0, task: 0, command: 0, storage: 0, unit: {}, charm: {} },
        config: {},
        charms: {},
        applications: {},
        units: {},
        machines: {},
        relations: {},
        secrets: {},
        tasks: {},
        inferred: { ...INFERRED, ...inferred },
      },
      random,
    );
  }

  /**
   * Refuses (Error naming what is wrong) a snapshot of a state that Juju could not have. Runs that were under way count
   * as interrupted by the agent's death.
   */
  static restore(snapshot: unknown, random: Random): ModelState {
    const data = structuredClone(snapshot) as ModelData;
    const { schema } = (snapshot ?? {}) as { schema?: unknown };
    if (schema !== 1) throw new Error(`not a snapshot of a model: schema ${String(schema)}`);
    const wrong = inconsistencies(data);
    if (wrong.length > 0) throw new Error(`not a state that Juju could have: ${wrong.join("; ")}`);
    return new ModelState(data, random);
  }

  /** Plain JSON, independent of later changes. */
  snapshot(): unknown {
    return structuredClone(this.#data);
  }

  /** Rises with every change. */
  get revision(): number {
    return this.#data.revision;
  }

  /** The whole tree, to look at. */
  get data(): Frozen<ModelData> {
    return this.#data;
  }

  /** What follows of itself from any change. */
  #settle(now: number): void {
    settlePlayed(this.#core);
    settleForced(this.#core, now, (unit) => this.#abandon(unit));
    sweepApplications(this.#core);
    settleLeadership(this.#core, now);
  }

  /** What ran on a unit that goes by force belongs to nobody any more. */
  #abandon(unit: string): void {
    const run = this.#runs.get(unit);
    if (run !== undefined) run.ended = true;
    this.#runs.delete(unit);
  }

  // --- applications and units

  deploy(options: DeployOptions): DeployResult {
    return deploy(this.#core, options);
  }

  /** Returns the new units' names. `to`: machines that are there already, one a unit. */
  addUnits(application: string, count: number, now: number, to: readonly string[] = []): string[] {
    return addUnits(this.#core, application, count, to, now);
  }

  /** Returns the lines Juju prints to stdout: `will remove unit app/1` … */
  removeUnits(units: readonly string[], now: number, { wait = null, dryRun = false }: Removal = {}): string[] {
    const lines = unitsToRemove(this.#data, units);
    if (dryRun) return lines;
    removeUnits(this.#core, units, wait, now);
    this.#settle(now);
    return lines;
  }

  /** Returns the lines Juju prints to stdout. */
  removeApplication(application: string, now: number, { wait = null, dryRun = false }: Removal = {}): string[] {
    const lines = applicationToRemove(this.#data, application);
    if (dryRun) return lines;
    removeApplication(this.#core, application, wait, now);
    this.#settle(now);
    return lines;
  }

  /** `app` or `app:endpoint` each. Returns the relation's id. */
  integrate(a: string, b: string, now: number): number {
    const id = integrate(this.#core, a, b);
    this.#settle(now);
    return id;
  }

  removeRelation(a: string, b: string, now: number, { wait = null }: Removal = {}): void {
    removeRelation(this.#core, a, b, wait, now);
    this.#settle(now);
  }

  expose(application: string): void {
    setExposed(this.#core, application, true);
  }

  unexpose(application: string): void {
    setExposed(this.#core, application, false);
  }

  /** Values as typed on the command line. */
  setConfig(application: string, values: Readonly<Record<string, string>>): void {
    setConfig(this.#core, application, values);
  }

  resetConfig(application: string, keys: readonly string[]): void {
    resetConfig(this.#core, application, keys);
  }

  getConfig(application: string): ConfigListing {
    return listConfig(this.#core, application);
  }

  /** `juju config app key`: null = unset. Throws for an unknown key. */
  getConfigValue(application: string, key: string): ConfigValue | null {
    return configValue(this.#core, application, key);
  }

  attachResource(application: string, resource: string, path: string): void {
    attachResource(this.#core, application, resource, path);
  }

  /** Returns the lines Juju's client writes to stderr. `forceUnits`: units in hook error upgrade at once. */
  refresh(application: string, charm: CharmInfo, options: { readonly forceUnits: boolean }): string[] {
    return refresh(this.#core, application, charm, options.forceUnits);
  }

  /** The whole model: every application is removed. */
  destroy(now: number, { wait = null }: Removal = {}): void {
    for (const name of Object.keys(this.#data.applications)) removeApplication(this.#core, name, wait, now);
    this.#settle(now);
  }

  /** All settings with defaults. */
  modelConfig(): Readonly<Record<string, string>> {
    return modelConfig(this.#data);
  }

  setModelConfig(values: Readonly<Record<string, string>>, now: number): void {
    setModelConfig(this.#core, values, now);
  }

  resetModelConfig(keys: readonly string[], now: number): void {
    resetModelConfig(this.#core, keys, now);
  }

  /** A unit in hook error runs the hook again (`retry`), or counts it as done. */
  resolved(name: string, { retry }: { readonly retry: boolean }): void {
    const unit = unitNamed(this.#data, name);
    if (unit.agent.current?.step !== "failed") throw new UserError(`unit "${name}" is not in an error state`);
    if (unit.resolved !== "none") throw new UserError(`cannot set resolved mode for unit "${name}": already resolved`);
    unit.resolved = retry ? "retry" : "skip";
    this.#core.changed();
  }

  // --- actions

  /** Receivers: `app/0` or `app/leader`, of one application. */
  enqueueAction(
    receivers: readonly string[],
    action: string,
    params: Readonly<Record<string, unknown>>,
    now: number,
  ): Enqueued {
    return enqueueAction(this.#core, receivers, action, params, now);
  }

  /** `juju exec`: receivers are units or `app/leader`. */
  enqueueExec(receivers: readonly string[], script: string, now: number): Enqueued {
    return enqueueExec(this.#core, receivers, script, now);
  }

  /** `juju-exec` typed inside a machine: gives a task with a negative id, which `task` knows until `forgetTask`. */
  enqueueCommand(unit: string, script: string, options: CommandOptions, now: number): number {
    return enqueueCommand(this.#core, unit, script, options, now);
  }

  task(id: number): Task {
    return structuredClone(taskNumbered(this.#data, id));
  }

  /** Drops an ended task. */
  forgetTask(id: number): void {
    forgetTask(this.#core, id);
  }

  /** A pending task never runs; of a running one the status is `aborting` then: kill its process. */
  cancelTask(id: number, now: number): void {
    cancelTask(this.#core, id, now);
  }

  // --- machines and agents

  setMachine(id: string, change: MachineChange, now: number): void {
    setMachine(this.#core, id, change, now);
  }

  /** A machine on which nothing is left (`life: dead`) goes when whoever ran it has taken it away. */
  machineGone(id: string): void {
    machineGone(this.#core, id);
  }

  /** Machines for which a charm asked a reboot that may happen now. */
  rebootsRequested(): string[] {
    const asked = Object.values(this.#data.machines).filter((machine) => machine.rebootRequested);
    return asked.map((machine) => machine.id).toSorted(naturally);
  }

  /** Also for a restart. A run that was under way is lost: its hook has failed. */
  agentStarted(unit: string, now: number, options: { readonly rebooted: boolean }): void {
    agentStarted(this.#core, this.#runs, unit, now, options.rebooted);
    this.#settle(now);
  }

  agentStopped(unit: string, now: number): void {
    agentStopped(this.#core, this.#runs, unit, now);
    this.#settle(now);
  }

  /** The leader's lease runs out while its agent is there: another unit leads, if there is one. */
  expireLease(application: string, now: number): void {
    expireLease(this.#core, applicationNamed(this.#data, application), now);
    this.#settle(now);
  }

  /** Leases, update-status, retries, rotations that have come due. */
  tick(now: number): void {
    this.#ticked = now;
    tickTimers(this.#core, now);
    this.#settle(now);
  }

  /** When `tick` must be called next, or null. After each `tick`, ask every unit for its next operation. */
  nextDeadline(): number | null {
    return nextDeadline(this.#data, this.#ticked);
  }

  /** The one thing the unit does next; null: nothing now, or its machine's lock is taken. */
  nextOperation(unit: string, now: number): Operation | null {
    return nextOperation(this.#core, this.#runs, unit, now);
  }

  /** The charm a unit must have in its charm directory when an operation `deploy` is done. */
  targetCharm(unit: string): CharmInfo & { readonly url: string; readonly revision: number } {
    const { application } = unitNamed(this.#data, unit);
    const { url, revision, info } = charmOf(this.#data, existing(this.#data.applications, application));
    return { ...info, url, revision };
  }

  begin(unit: string, operation: Operation, place: RunPlace, now: number): StateRun {
    return begin(this.#core, this.#runs, unit, operation, place, now);
  }

  /** The run under way with this context id, or undefined. */
  run(contextId: string): StateRun | undefined {
    return [...this.#runs.values()].find((run) => run.contextId === contextId);
  }

  finish(run: StateRun, ending: Ending, now: number): void {
    if (!(run instanceof UnitRun) || this.#runs.get(run.unit) !== run) return;
    this.#runs.delete(run.unit);
    finishRun(this.#core, run, ending, now);
    this.#settle(now);
  }

  /** Log lines since the last call. */
  drainLog(): LogEntry[] {
    const lines = this.#log;
    this.#log = [];
    return lines;
  }

  /** `clock`: the time of the plug-in's calls, milliseconds since 1970. */
  pluginView(application: string, clock: () => number): PluginView {
    return pluginView(this.#core, application, clock);
  }

  status(now: number): StatusData {
    return statusOf(this.#data, now);
  }

  /** What is wrong with the state, as sentences; empty for a state Juju could have. */
  check(): string[] {
    return inconsistencies(this.#data);
  }
}
