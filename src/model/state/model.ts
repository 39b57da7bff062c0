import type { Operation, PluginHost } from "../contract.ts";
import { agentStarted, agentStopped, begin, nextOperation, type Runs, settlePlayed } from "./agent/agent.ts";
import { finishRun } from "./agent/finish.ts";
import { UnitRun } from "./agent/run.ts";
import { inconsistencies } from "./checker.ts";
import type { Core, ModelData } from "./data.ts";
import { settleForced } from "./force.ts";
import { expireLease, settleLeadership } from "./leases.ts";
import { machineGone, setMachine } from "./machines.ts";
import { naturally } from "./names.ts";
import { OperatorVerbs } from "./operator.ts";
import { pluginView } from "./plugin-view.ts";
import { applicationNamed, charmOf, existing, unitNamed } from "./rows.ts";
import { type CreateOptions, modelDataFrom, newModelData } from "./snapshot.ts";
import { noteRelations, statusOf } from "./status.ts";
import { nextDeadline, tickTimers } from "./timers.ts";
import type { CharmInfo, Ending, LogEntry, MachineChange, Random, RunPlace, StateRun, StatusData } from "./types.ts";
import { sweepApplications } from "./units.ts";

export type * from "./types.ts";
export { parseCharm, pluginCharm } from "./charm.ts";
export { FORCE_WAIT } from "./units.ts";

/** Data that may be read but not changed, all the way down. */
export type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

/** The plug-in's view of the model; a process adds directory, address and `enter` to make a `PluginHost` of it. */
export type PluginView = Omit<PluginHost, "directory" | "address" | "enter">;

/**
 * Juju's controller and the brains of the unit agents: data and rules. No I/O, no clock, no timers: whoever drives it
 * passes the time (`now`, milliseconds since 1970), asks `nextOperation` for each connected unit after every change of
 * `revision`, runs what it is told to, and calls `tick` when `nextDeadline` has come.
 *
 * Every verb throws `UserError` with Juju's own message and then has changed nothing.
 */
export class ModelState extends OperatorVerbs {
  protected readonly core: Core;
  readonly #data: ModelData;
  readonly #runs: Runs = new Map();
  #log: LogEntry[] = [];
  #ticked = 0;

  private constructor(data: ModelData, random: Random) {
    super();
    this.#data = data;
    this.core = {
      data,
      random,
      changed: () => void data.revision++,
      log: (entry) => void this.#log.push(entry),
    };
  }

  static create(options: CreateOptions): ModelState {
    return new ModelState(newModelData(options), options.random);
  }

  /**
   * Refuses (Error naming what is wrong) a snapshot of a state that Juju could not have. Runs that were under way count
   * as interrupted by the agent's death.
   */
  static restore(snapshot: unknown, random: Random): ModelState {
    return new ModelState(modelDataFrom(snapshot), random);
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

  protected settle(now: number): void {
    settlePlayed(this.core);
    settleForced(this.core, now, (unit) => this.#abandon(unit));
    sweepApplications(this.core);
    settleLeadership(this.core, now);
    noteRelations(this.core, now);
  }

  /** What ran on a unit that goes by force belongs to nobody any more. */
  #abandon(unit: string): void {
    const run = this.#runs.get(unit);
    if (run !== undefined) run.ended = true;
    this.#runs.delete(unit);
  }

  setMachine(id: string, change: MachineChange, now: number): void {
    setMachine(this.core, id, change, now);
  }

  /** A machine on which nothing is left (`life: dead`) goes when whoever ran it has taken it away. */
  machineGone(id: string): void {
    machineGone(this.core, id);
  }

  /** Machines for which a charm asked a reboot that may happen now. */
  rebootsRequested(): string[] {
    const asked = Object.values(this.#data.machines).filter((machine) => machine.rebootRequested);
    return asked.map((machine) => machine.id).toSorted(naturally);
  }

  /** Also for a restart. A run that was under way is lost: its hook has failed. */
  agentStarted(unit: string, now: number, options: { readonly rebooted: boolean }): void {
    agentStarted(this.core, this.#runs, unit, now, options.rebooted);
    this.settle(now);
  }

  agentStopped(unit: string, now: number): void {
    agentStopped(this.core, this.#runs, unit, now);
    this.settle(now);
  }

  /** The leader's lease runs out while its agent is there: another unit leads, if there is one. */
  expireLease(application: string, now: number): void {
    expireLease(this.core, applicationNamed(this.#data, application), now);
    this.settle(now);
  }

  /** Leases, update-status, retries, rotations that have come due. */
  tick(now: number): void {
    this.#ticked = now;
    tickTimers(this.core, now);
    this.settle(now);
  }

  /** When `tick` must be called next, or null. After each `tick`, ask every unit for its next operation. */
  nextDeadline(): number | null {
    return nextDeadline(this.#data, this.#ticked);
  }

  /** The one thing the unit does next; null: nothing now, or its machine's lock is taken. */
  nextOperation(unit: string, now: number): Operation | null {
    return nextOperation(this.core, this.#runs, unit, now);
  }

  /** The charm a unit must have in its charm directory when an operation `deploy` is done. */
  targetCharm(unit: string): CharmInfo & { readonly url: string; readonly revision: number } {
    const { application } = unitNamed(this.#data, unit);
    const { url, revision, info } = charmOf(this.#data, existing(this.#data.applications, application));
    return { ...info, url, revision };
  }

  begin(unit: string, operation: Operation, place: RunPlace, now: number): StateRun {
    return begin(this.core, this.#runs, unit, operation, place, now);
  }

  /** The run under way with this context id, or undefined. */
  run(contextId: string): StateRun | undefined {
    return [...this.#runs.values()].find((run) => run.contextId === contextId);
  }

  finish(run: StateRun, ending: Ending, now: number): void {
    if (!(run instanceof UnitRun) || this.#runs.get(run.unit) !== run) return;
    this.#runs.delete(run.unit);
    finishRun(this.core, run, ending, now);
    this.settle(now);
  }

  /** Log lines since the last call. */
  drainLog(): LogEntry[] {
    const lines = this.#log;
    this.#log = [];
    return lines;
  }

  /** `clock`: the time of the plug-in's calls, milliseconds since 1970. */
  pluginView(application: string, clock: () => number): PluginView {
    return pluginView(this.core, application, clock);
  }

  status(now: number): StatusData {
    return statusOf(this.#data, now);
  }

  /** What is wrong with the state, as sentences; empty for a state Juju could have. */
  check(): string[] {
    return inconsistencies(this.#data);
  }
}
