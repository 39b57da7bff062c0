/** How a run ends: commit or roll back. Juju 3.6: internal/worker/uniter/operation/{runhook,runaction,deploy}.go. */
import type { HookInfo } from "../../contract.ts";
import { type Core, logAt, type UnitRow } from "../data.ts";
import { jujuOf } from "../juju-line.ts";
import { unitTag } from "../names.ts";
import { fraction } from "../random.ts";
import { machineOf, setAgentStatus, setWorkload } from "../rows.ts";
import type { Ending, LogLevel, Task } from "../types.ts";
import { unitDead } from "../units.ts";
import { commit } from "./commit.ts";
import type { HookContext } from "./context.ts";
import { commitRelationHook } from "./relation-hooks.ts";
import type { Seen, UnitRun } from "./run.ts";
import { commitSecretHook } from "./secret-hooks.ts";

/** Milliseconds until unpacking is tried again, so that a charm that cannot be unpacked is not tried in a circle. */
const DEPLOY_RETRY = 3_000;
const FIRST_RETRY = 5_000;
const LONGEST_RETRY = 300_000;
const DISPATCHER = "via hook dispatching script: dispatch";

export function finishRun(core: Core, run: UnitRun, ending: Ending, now: number): void {
  const { context, seen } = run;
  const { unit, task, hook } = context;
  run.ended = true;
  core.changed();
  if (task !== null) finishTask(context, task, ending, now);
  else if (hook !== null) finishHook(context, hook, seen, ending, now);
  else if (context.operation.kind === "terminate") unitDead(core, unit, now);
  else finishDeploy(core, unit, seen, ending, now);
}

function operationLog(core: Core, unit: UnitRow, level: LogLevel, message: string, now: number): void {
  logAt(core, now, unitTag(unit.name), level, "juju.worker.uniter.operation", message);
}

/** Files are in place: `install` at first, `upgrade-charm` later; a hook that waits in error is tried again instead. */
function finishDeploy(core: Core, unit: UnitRow, seen: Seen, ending: Ending, now: number): void {
  unit.agent.deployRetry = null;
  if (failureOf(ending) !== null) {
    unit.agent.deployRetry = now + DEPLOY_RETRY;
    operationLog(core, unit, "ERROR", `cannot install charm: ${failureOf(ending)}`, now);
    return;
  }
  const { agent } = unit;
  agent.charm = { ...seen.charm };
  // The agent's loop starts anew with another charm, and forgets what it keeps in memory only.
  agent.leaderSettingsSeen = 0;
  agent.current ??= { hook: { name: agent.installed ? "upgrade-charm" : "install" }, step: "queued" };
}

function finishHook(context: HookContext, hook: HookInfo, seen: Seen, ending: Ending, now: number): void {
  const { core, unit } = context;
  if (wasTerminated(ending)) {
    unit.agent.current = { hook, step: "queued" };
    if (context.reboot === "now") requestReboot(context, now);
    return;
  }
  const failure = failureOf(ending);
  const problem = failure ?? commit(context, now);
  if (problem !== null) {
    const what = failure === null ? `hook "${hook.name}" failed: ` : `hook "${hook.name}" (${DISPATCHER}) failed: `;
    operationLog(core, unit, "ERROR", what + problem, now);
    failHook(core, unit, hook, now);
    return;
  }
  const ran = "missing" in ending ? `skipped "${hook.name}" hook (missing)` : `ran "${hook.name}" hook (${DISPATCHER})`;
  operationLog(core, unit, "INFO", ran, now);
  commitHook(core, unit, hook, seen, now);
  if (context.reboot !== "no") requestReboot(context, now);
}

/** SIGTERM and SIGKILL come from outside: the hook is no failure and runs again. */
function wasTerminated(ending: Ending): boolean {
  return "signal" in ending && (ending.signal === "SIGTERM" || ending.signal === "SIGKILL");
}

function failureOf(ending: Ending): string | null {
  if ("missing" in ending) return null;
  if ("signal" in ending) return `signal: ${ending.signal}`;
  return ending.exit === 0 ? null : `exit status ${ending.exit}`;
}

function requestReboot({ core, unit }: HookContext, now: number): void {
  machineOf(core.data, unit).rebootRequested = true;
  setAgentStatus(core, unit, "rebooting", "", now);
}

/** Error state: tried again after 5 s, then twice as long each time up to 5 min, ±3 %. */
export function failHook(core: Core, unit: UnitRow, hook: HookInfo, now: number): void {
  const attempts = unit.resolved === "retry" ? 0 : (unit.agent.retry?.attempts ?? 0);
  const delay = Math.min(FIRST_RETRY * 2 ** attempts, LONGEST_RETRY) * (0.97 + 0.06 * fraction(core));
  unit.resolved = "none";
  unit.agent.current = { hook, step: "failed" };
  unit.agent.retry = { attempts: attempts + 1, at: now + Math.round(delay) };
  reportHookError(core, unit, hook, now);
  core.changed();
}

export function reportHookError(core: Core, unit: UnitRow, hook: HookInfo, now: number): void {
  // Of a storage hook Juju names only the kind.
  const name = hook.storageId === undefined ? hook.name : hook.name.replace(/^.*-(storage-\w+)$/, "$1");
  setAgentStatus(core, unit, "error", `hook failed: "${name}"`, now);
}

/** The hook counts as done: what the agent notes, and what follows at once. */
export function commitHook(core: Core, unit: UnitRow, hook: HookInfo, seen: Seen, now: number): void {
  const { agent } = unit;
  agent.current = null;
  agent.retry = null;
  unit.resolved = "none";
  if (agent.updateStatus !== null) agent.updateStatus.seen = seen.ticks;
  core.changed();
  if (hook.relationId !== undefined) commitRelationHook(core, unit, hook, seen.versions);
  else if (hook.secretId !== undefined) commitSecretHook(core, unit, hook, seen.secretRevision, now);
  else if (hook.storageId !== undefined) commitStorageHook(unit, hook);
  else commitUnitHook(core, unit, hook.name, seen, now);
}

function commitStorageHook(unit: UnitRow, hook: HookInfo): void {
  if (hook.name.endsWith("-detaching")) {
    unit.storage = unit.storage.filter((storage) => storage.id !== hook.storageId);
    return;
  }
  for (const storage of unit.storage) if (storage.id === hook.storageId) storage.attached = true;
}

function commitUnitHook(core: Core, unit: UnitRow, name: string, seen: Seen, now: number): void {
  const { agent } = unit;
  switch (name) {
    case "install":
      agent.installed = true;
      return;
    case "leader-elected":
      agent.leader = seen.leads;
      return;
    case "leader-settings-changed":
      agent.leaderSettingsSeen = seen.leaderSettings;
      return;
    case "upgrade-charm":
      agent.current = { hook: { name: "config-changed" }, step: "queued" };
      return;
    case "config-changed":
      agent.configAgain = jujuOf(core.data).configChanged > 1 && agent.started && agent.configHash !== seen.configHash;
      agent.configHash = seen.configHash;
      agent.addressHash = seen.addressHash;
      if (!agent.started) agent.current = { hook: { name: "start" }, step: "queued" };
      return;
    case "start":
      agent.started = true;
      agent.rebooted = false;
      if (!unit.statusSet) setWorkload(core, unit, "unknown", "", now);
      return;
    case "stop":
      agent.stopped = true;
      setWorkload(core, unit, "maintenance", "", now);
      return;
    case "remove":
      agent.removed = true;
      setWorkload(core, unit, "terminated", "", now);
  }
}

function finishTask(context: HookContext, task: Task, ending: Ending, now: number): void {
  const aborted = task.status === "aborting";
  const { failure, results } = taskResults(context, task, ending, now);
  task.completed = now;
  task.results = results;
  task.status = aborted ? "aborted" : failure === null ? "completed" : "failed";
  task.message = aborted ? task.message : (failure ?? "");
}

interface TaskEnd {
  readonly failure: string | null;
  readonly results: Record<string, unknown>;
}

function taskResults(context: HookContext, task: Task, ending: Ending, now: number): TaskEnd {
  if ("missing" in ending) {
    return { failure: `action not implemented on unit "${context.unit.name}"`, results: context.results };
  }
  if ("signal" in ending) return { failure: "action terminated", results: { ...context.results, ...output(ending) } };
  const results = { ...context.results, "return-code": ending.exit, ...output(ending) };
  // A script's exit code is a result, not a failure: what it wrote is committed all the same.
  if (ending.exit !== 0 && task.script === null) return { failure: `exit status ${ending.exit}`, results };
  const problem = commit(context, now);
  if (problem === null) return { failure: context.failure, results };
  // Who typed `juju-exec` in the machine gets that error alone (Juju 3.6, internal/worker/uniter/runner/runner.go: RunCommands).
  if (task.operation === 0) return { failure: problem, results: {} };
  const stderr = [ending.stderr, problem].filter((part) => part !== "").join("\n");
  return { failure: context.failure ?? "committing requested changes failed", results: { ...results, stderr } };
}

function output(ending: Exclude<Ending, { missing: true }>): Record<string, string> {
  return {
    ...(ending.stdout === "" ? {} : { stdout: ending.stdout }),
    ...(ending.stderr === "" ? {} : { stderr: ending.stderr }),
    ...("encodings" in ending ? ending.encodings : {}),
  };
}

/** The process is gone and nobody said how it ended: the agent died. A hook has failed then, a task is terminated. */
export function interrupt(core: Core, unit: UnitRow, now: number): void {
  const { current } = unit.agent;
  if (current?.step === "running") failHook(core, unit, current.hook, now);
  for (const task of Object.values(core.data.tasks)) {
    if (task.unit !== unit.name || (task.status !== "running" && task.status !== "aborting")) continue;
    task.status = "failed";
    task.message = "action terminated";
    task.completed = now;
    core.changed();
  }
}
