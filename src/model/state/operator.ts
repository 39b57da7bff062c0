import { UserError } from "../../errors.ts";
import { addUnits, attachResource, deploy, refresh, setExposed } from "./applications.ts";
import type { Core } from "./data.ts";
import { integrate, removeRelation } from "./integrate.ts";
import { modelConfig, resetModelConfig, setModelConfig } from "./model-config.ts";
import { unitNamed } from "./rows.ts";
import { configValue, listConfig, resetConfig, setConfig } from "./settings.ts";
import {
  cancelTask,
  type CommandOptions,
  enqueueAction,
  enqueueCommand,
  enqueueExec,
  forgetTask,
  taskNumbered,
} from "./tasks.ts";
import type {
  CharmInfo,
  ConfigListing,
  ConfigValue,
  DeployOptions,
  DeployResult,
  Enqueued,
  Removal,
  Task,
} from "./types.ts";
import { applicationToRemove, removeApplication, removeUnits, unitsToRemove } from "./units.ts";

/** What an operator asks of a model: the verbs of Juju's client. */
export abstract class OperatorVerbs {
  protected abstract readonly core: Core;

  /** What follows of itself from any change. */
  protected abstract settle(now: number): void;

  deploy(options: DeployOptions): DeployResult {
    return deploy(this.core, options);
  }

  /** Returns the new units' names. `to`: machines that are there already, one a unit. */
  addUnits(application: string, count: number, now: number, to: readonly string[] = []): string[] {
    return addUnits(this.core, application, count, to, now);
  }

  /** Returns the lines Juju prints to stdout: `will remove unit app/1` … */
  removeUnits(units: readonly string[], now: number, { wait = null, dryRun = false }: Removal = {}): string[] {
    const lines = unitsToRemove(this.core.data, units);
    if (dryRun) return lines;
    removeUnits(this.core, units, wait, now);
    this.settle(now);
    return lines;
  }

  /** Returns the lines Juju prints to stdout. */
  removeApplication(application: string, now: number, { wait = null, dryRun = false }: Removal = {}): string[] {
    const lines = applicationToRemove(this.core.data, application);
    if (dryRun) return lines;
    removeApplication(this.core, application, wait, now);
    this.settle(now);
    return lines;
  }

  /** `app` or `app:endpoint` each. Returns the relation's id. */
  integrate(a: string, b: string, now: number): number {
    const id = integrate(this.core, a, b);
    this.settle(now);
    return id;
  }

  removeRelation(a: string, b: string, now: number, { wait = null }: Removal = {}): void {
    removeRelation(this.core, a, b, wait, now);
    this.settle(now);
  }

  expose(application: string): void {
    setExposed(this.core, application, true);
  }

  unexpose(application: string): void {
    setExposed(this.core, application, false);
  }

  /** Values as typed on the command line. */
  setConfig(application: string, values: Readonly<Record<string, string>>): void {
    setConfig(this.core, application, values);
  }

  resetConfig(application: string, keys: readonly string[]): void {
    resetConfig(this.core, application, keys);
  }

  getConfig(application: string): ConfigListing {
    return listConfig(this.core, application);
  }

  /** `juju config app key`: null = unset. Throws for an unknown key. */
  getConfigValue(application: string, key: string): ConfigValue | null {
    return configValue(this.core, application, key);
  }

  attachResource(application: string, resource: string, path: string): void {
    attachResource(this.core, application, resource, path);
  }

  /** Returns the lines Juju's client writes to stderr. `forceUnits`: units in hook error upgrade at once. */
  refresh(application: string, charm: CharmInfo, options: { readonly forceUnits: boolean }): string[] {
    return refresh(this.core, application, charm, options.forceUnits);
  }

  /** The whole model: every application is removed. */
  destroy(now: number, { wait = null }: Removal = {}): void {
    for (const name of Object.keys(this.core.data.applications)) removeApplication(this.core, name, wait, now);
    this.settle(now);
  }

  /** All settings with defaults. */
  modelConfig(): Readonly<Record<string, string>> {
    return modelConfig(this.core.data);
  }

  setModelConfig(values: Readonly<Record<string, string>>, now: number): void {
    setModelConfig(this.core, values, now);
  }

  resetModelConfig(keys: readonly string[], now: number): void {
    resetModelConfig(this.core, keys, now);
  }

  /** A unit in hook error runs the hook again (`retry`), or counts it as done. */
  resolved(name: string, { retry }: { readonly retry: boolean }): void {
    const unit = unitNamed(this.core.data, name);
    if (unit.agent.current?.step !== "failed") throw new UserError(`unit "${name}" is not in an error state`);
    if (unit.resolved !== "none") throw new UserError(`cannot set resolved mode for unit "${name}": already resolved`);
    unit.resolved = retry ? "retry" : "skip";
    this.core.changed();
  }

  // --- actions

  /** Receivers: `app/0` or `app/leader`, of one application. */
  enqueueAction(
    receivers: readonly string[],
    action: string,
    params: Readonly<Record<string, unknown>>,
    now: number,
  ): Enqueued {
    return enqueueAction(this.core, receivers, action, params, now);
  }

  /** `juju exec`: receivers are units or `app/leader`. */
  enqueueExec(receivers: readonly string[], script: string, now: number): Enqueued {
    return enqueueExec(this.core, receivers, script, now);
  }

  /** `juju-exec` typed inside a machine: gives a task with a negative id, which `task` knows until `forgetTask`. */
  enqueueCommand(unit: string, script: string, options: CommandOptions, now: number): number {
    return enqueueCommand(this.core, unit, script, options, now);
  }

  task(id: number): Task {
    return structuredClone(taskNumbered(this.core.data, id));
  }

  /** Drops an ended task. */
  forgetTask(id: number): void {
    forgetTask(this.core, id);
  }

  /** A pending task never runs; of a running one the status is `aborting` then: kill its process. */
  cancelTask(id: number, now: number): void {
    cancelTask(this.core, id, now);
  }
}
