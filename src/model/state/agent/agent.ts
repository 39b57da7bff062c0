/** A unit's agent comes, goes, asks what to do, and does it. */
import { UserError } from "../../../errors.ts";
import type { Operation } from "../../contract.ts";
import type { Core, RelationRow, UnitRow } from "../data.ts";
import { holderStarted, holderStopped } from "../leases.ts";
import { updateStatusWait } from "../model-config.ts";
import { existing, isPlayed, machineOf, setAgentStatus, setWorkload, unitNamed } from "../rows.ts";
import { enterScope, leaveScope, relationsOf } from "../scopes.ts";
import type { RunPlace, Task } from "../types.ts";
import { HookContext } from "./context.ts";
import { newContextId } from "./environment.ts";
import { interrupt, reportHookError } from "./finish.ts";
import { knownRelations, synchronizeScopes } from "./relation-hooks.ts";
import { nextAction, resolve, settleHook } from "./resolver.ts";
import { UnitRun, whatIsSeen } from "./run.ts";

/** Runs under way, by unit. */
export type Runs = Map<string, UnitRun>;

export function agentStarted(core: Core, runs: Runs, name: string, now: number, rebooted: boolean): void {
  const unit = unitNamed(core.data, name);
  abandon(core, runs, unit, now);
  const { agent } = unit;
  if (rebooted && agent.started) agent.rebooted = true;
  agent.connected = true;
  agent.leaderSettingsSeen = 0;
  agent.updateStatus = { due: now + updateStatusWait(core), ticks: 0, seen: 0 };
  for (const { local } of knownRelations(core.data, unit)) {
    // What is in memory only: reads, and that relation-created is still to run.
    local.cache = {};
    local.created = true;
    local.beforeRestart = true;
  }
  machineOf(core.data, unit).rebootRequested &&= !rebooted;
  holderStarted(core, existing(core.data.applications, unit.application), name, now);
  if (isPlayed(core.data, unit.application)) playedStarted(core, unit, now);
  else if (!agent.everStarted) setWorkload(core, unit, "waiting", "agent initialising", now);
  agent.everStarted = true;
  core.changed();
}

/** A plug-in's unit has no hooks to run: it is there as soon as its server is. */
function playedStarted(core: Core, unit: UnitRow, now: number): void {
  unit.agent.installed = true;
  unit.agent.started = true;
  unit.agent.updateStatus = null;
  setAgentStatus(core, unit, "idle", "", now);
}

export function agentStopped(core: Core, runs: Runs, name: string, now: number): void {
  const unit = unitNamed(core.data, name);
  if (!unit.agent.connected) return;
  abandon(core, runs, unit, now);
  unit.agent.connected = false;
  holderStopped(core, existing(core.data.applications, unit.application), name, now);
  core.changed();
}

function abandon(core: Core, runs: Runs, unit: UnitRow, now: number): void {
  const run = runs.get(unit.name);
  if (run !== undefined) run.ended = true;
  runs.delete(unit.name);
  interrupt(core, unit, now);
}

/** Plug-ins' units follow their relations at once, without hooks. */
export function settlePlayed(core: Core): void {
  for (const unit of Object.values(core.data.units)) {
    if (!unit.agent.connected || !isPlayed(core.data, unit.application)) continue;
    for (const relation of relationsOf(core.data, unit.application)) {
      const leaving = unit.life === "dying" || relation.life === "dying";
      if (leaving) playedLeaves(core, relation, unit);
      else if (relation.units[unit.name] === undefined) enterScope(core, relation, unit);
    }
  }
}

function playedLeaves(core: Core, relation: RelationRow, unit: UnitRow): void {
  const local = unit.agent.relations[relation.id];
  if (local !== undefined) local.broken = true;
  leaveScope(core, relation, unit.name);
}

export function nextOperation(core: Core, runs: Runs, name: string, now: number): Operation | null {
  const unit = core.data.units[name];
  if (unit === undefined || !unit.agent.connected || runs.has(name)) return null;
  if (isPlayed(core.data, unit.application)) return nextPlayed(core, unit, now);
  interrupt(core, unit, now);
  if (machineOf(core.data, unit).rebootRequested) return null;
  settleHook(core, unit, now);
  const { agent } = unit;
  if (agent.installed && agent.current === null && unit.life === "alive") synchronizeScopes(core, unit);
  const next = resolve(core, unit, now);
  if (next === null) showRest(core, unit, now);
  return next !== null && lockTaken(core, runs, unit, next) ? null : next;
}

function nextPlayed(core: Core, unit: UnitRow, now: number): Operation | null {
  const next: Operation | null = nextAction(core, unit) ?? (unit.life === "dying" ? { kind: "terminate" } : null);
  if (next === null) showRest(core, unit, now);
  return next;
}

/** Nothing to do: in error if a hook failed, else idle; an agent that did nothing yet stays `allocating`. */
function showRest(core: Core, unit: UnitRow, now: number): void {
  const { current } = unit.agent;
  if (current?.step === "failed") reportHookError(core, unit, current.hook, now);
  else if (unit.agentStatus.current !== "allocating") setAgentStatus(core, unit, "idle", "", now);
}

/**
 * One run at a time on a machine, but actions that are `parallel` or have an `execution-group` use a lock of their own
 * (Juju 3.6, internal/worker/uniter/operation/runaction.go).
 */
function lockTaken(core: Core, runs: Runs, unit: UnitRow, next: Operation): boolean {
  const mine = lockOf(core, unit, next);
  return [...runs.values()].some(
    ({ context }) => context.unit.machine === unit.machine && lockOf(core, context.unit, context.operation) === mine,
  );
}

function lockOf({ data }: Core, unit: UnitRow, operation: Operation): string {
  if (operation.kind !== "action") return "";
  const { charm } = existing(data.applications, unit.application);
  const action = existing(data.charms, charm).info.actions[operation.name];
  return action?.parallel === true ? `task ${operation.task}` : (action?.executionGroup ?? "");
}

export function begin(
  core: Core,
  runs: Runs,
  name: string,
  operation: Operation,
  place: RunPlace,
  now: number,
): UnitRun {
  const unit = unitNamed(core.data, name);
  if (runs.has(name)) throw new Error(`${name} already runs something`);
  const task = taskOf(core, operation);
  const seen = whatIsSeen(core, unit, operation);
  if (operation.kind === "hook") forgetReads(unit, operation);
  const contextId = newContextId(core, unit, operation, task);
  const run = new UnitRun(new HookContext(core, unit, operation, place, contextId, task), seen);
  showRun(core, unit, operation, now);
  if (operation.kind === "hook") unit.agent.current = { hook: operation.hook, step: "running" };
  if (task !== null) {
    task.status = "running";
    task.started = now;
  }
  runs.set(name, run);
  core.changed();
  return run;
}

function taskOf({ data }: Core, operation: Operation): Task | null {
  if (operation.kind !== "action" && operation.kind !== "exec") return null;
  const task = existing(data.tasks, operation.task);
  if (task.status !== "pending") throw new UserError(`task ${task.id} is ${task.status}`);
  return task;
}

/** A joined, changed or departed hook for a unit ends what was remembered of its bag. */
function forgetReads(unit: UnitRow, { hook }: Operation & { kind: "hook" }): void {
  const local = unit.agent.relations[hook.relationId ?? -1];
  if (local !== undefined && hook.remoteUnit !== undefined) delete local.cache[hook.remoteUnit];
}

const HOOK_WORKLOADS: Readonly<Record<string, string>> = {
  stop: "stopping charm software",
  remove: "cleaning up prior to charm deletion",
};

function showRun(core: Core, unit: UnitRow, operation: Operation, now: number): void {
  if (operation.kind === "action") {
    setAgentStatus(core, unit, "executing", `running action ${operation.name}`, now);
  } else if (operation.kind === "exec") {
    setAgentStatus(core, unit, "executing", "running commands", now);
  } else if (operation.kind === "hook") {
    const { name } = operation.hook;
    setAgentStatus(core, unit, "executing", `running ${name} hook`, now);
    if (name === "install" && !unit.statusSet) setWorkload(core, unit, "maintenance", "installing charm software", now);
    const message = HOOK_WORKLOADS[name];
    if (message !== undefined) setWorkload(core, unit, "maintenance", message, now);
  }
}
