/**
 * The one thing a unit does next: the first answer wins. Juju 3.6: internal/worker/uniter/resolver.go NextOp, nextOp.
 */
import type { HookInfo, Operation } from "../../contract.ts";
import type { Core, UnitRow } from "../data.ts";
import { jujuOf } from "../juju-line.ts";
import { retriesHooks } from "../model-config.ts";
import { existing, isLeader, machineOf } from "../rows.ts";
import { settingsHash } from "../settings.ts";
import type { Task } from "../types.ts";
import { commitHook } from "./finish.ts";
import { nextCreated, nextRelationHook } from "./relation-hooks.ts";
import { whatIsSeen } from "./run.ts";
import { managesSecret, nextSecretHook } from "./secret-hooks.ts";

type Step = (core: Core, unit: UnitRow, now: number) => Operation | null;

const STEPS: readonly Step[] = [
  startAfterReboot,
  relationCreated,
  leadership,
  secrets,
  nextAction,
  commands,
  storage,
  hookInProgress,
  dying,
  install,
  upgrade,
  configChanged,
  relations,
  updateStatus,
];

/** What becomes of a hook in progress without anything being run. */
export function settleHook(core: Core, unit: UnitRow, now: number): void {
  skipResolved(core, unit, now);
  dropMoot(core, unit);
}

export function resolve(core: Core, unit: UnitRow, now: number): Operation | null {
  for (const step of STEPS) {
    const operation = step(core, unit, now);
    if (operation !== null) return operation;
  }
  return null;
}

function hook(info: HookInfo): Operation {
  return { kind: "hook", hook: info };
}

function plain(name: string): Operation {
  return hook({ name });
}

/** `resolved --no-retry`: the failed hook counts as done, with everything that follows from it. */
function skipResolved(core: Core, unit: UnitRow, now: number): void {
  const { current } = unit.agent;
  if (current?.step !== "failed" || unit.resolved !== "skip") return;
  commitHook(core, unit, current.hook, whatIsSeen(core, unit, hook(current.hook)), now);
}

/** Hooks that have lost their point while they waited are not run. */
function dropMoot(core: Core, unit: UnitRow): void {
  const { current } = unit.agent;
  if (current === null || !isMoot(core, unit, current.hook, current.step)) return;
  unit.agent.current = null;
  unit.agent.retry = null;
  core.changed();
}

function isMoot({ data }: Core, unit: UnitRow, { name, secretId }: HookInfo, step: string): boolean {
  // A unit that dies before `install` ran runs neither that nor `stop` nor `remove`.
  if (name === "install") return unit.life === "dying" && step === "queued";
  if (name === "leader-elected") return !isLeader(data, unit);
  if (secretId === undefined) return false;
  const secret = data.secrets[secretId];
  return secret === undefined || (name !== "secret-changed" && !managesSecret(data, unit, secret));
}

function isIdle({ agent }: UnitRow): boolean {
  return agent.installed && agent.current === null;
}

function startAfterReboot(_: Core, unit: UnitRow): Operation | null {
  return unit.agent.rebooted && unit.life === "alive" && unit.agent.started && isIdle(unit) ? plain("start") : null;
}

function relationCreated({ data }: Core, unit: UnitRow): Operation | null {
  const next = unit.life === "alive" && isIdle(unit) ? nextCreated(data, unit) : null;
  return next === null ? null : hook(next);
}

function leadership({ data }: Core, unit: UnitRow): Operation | null {
  if (!isIdle(unit) || unit.life === "dying") return null;
  const leads = isLeader(data, unit);
  if (leads && !unit.agent.leader) return plain("leader-elected");
  if (!jujuOf(data).leaderSettings) return null;
  const version = existing(data.applications, unit.application).leaderSettingsVersion;
  return !leads && unit.agent.leaderSettingsSeen !== version ? plain("leader-settings-changed") : null;
}

function secrets({ data }: Core, unit: UnitRow, now: number): Operation | null {
  const next = isIdle(unit) && unit.life === "alive" ? nextSecretHook(data, unit, now) : null;
  return next === null ? null : hook(next);
}

/** Between hooks, or in hook error; not between a queued pair such as config-changed and start. */
export function nextAction({ data }: Core, unit: UnitRow): Operation | null {
  const task = nextTask(data.tasks, unit, (id) => id > 0);
  if (task === undefined || !(isIdle(unit) || unit.agent.current?.step === "failed")) return null;
  return operationOf(task);
}

/** `juju-exec` inside the machine asks for nothing but a charm directory to run in. */
function commands({ data }: Core, unit: UnitRow): Operation | null {
  const task = nextTask(data.tasks, unit, (id) => id < 0);
  return task === undefined || unit.agent.charm === null ? null : operationOf(task);
}

function nextTask(tasks: Record<string, Task>, unit: UnitRow, fits: (id: number) => boolean): Task | undefined {
  return Object.values(tasks)
    .filter((task) => task.unit === unit.name && task.status === "pending" && fits(task.id))
    .toSorted((a, b) => Math.abs(a.id) - Math.abs(b.id))[0];
}

function operationOf(task: Task): Operation {
  if (task.script !== null) return { kind: "exec", task: task.id, script: task.script };
  return { kind: "action", task: task.id, name: task.name };
}

/** All storage of a unit is attached before `install`, and detached before the relations of a dying unit end. */
function storage(_: Core, unit: UnitRow): Operation | null {
  const alive = unit.life === "alive";
  if (!(isIdle(unit) || (alive && isBeforeInstall(unit)))) return null;
  const next = unit.storage.find((candidate) => candidate.attached !== alive);
  if (next === undefined) return null;
  return hook({ name: `${next.name}-storage-${alive ? "attached" : "detaching"}`, storageId: next.id });
}

function isBeforeInstall({ agent }: UnitRow): boolean {
  return agent.charm !== null && !agent.installed && (agent.current?.step ?? "queued") === "queued";
}

function hookInProgress(core: Core, unit: UnitRow, now: number): Operation | null {
  const { current, retry } = unit.agent;
  if (current === null) return null;
  if (current.step === "queued" || unit.resolved === "retry") return hook(current.hook);
  const { forceCharm } = existing(core.data.applications, unit.application);
  if (forceCharm && charmDiffers(core, unit)) return deploy(unit, now);
  return retriesHooks(core.data) && retry !== null && now >= retry.at ? hook(current.hook) : null;
}

function dying({ data }: Core, unit: UnitRow): Operation | null {
  const { agent } = unit;
  if (unit.life === "alive" || agent.current !== null) return null;
  if (!agent.installed) return { kind: "terminate" };
  const next = nextRelationHook(data, unit);
  if (next !== null) return hook(next);
  if (!agent.stopped) return plain("stop");
  return agent.removed ? { kind: "terminate" } : plain("remove");
}

function install(_: Core, unit: UnitRow, now: number): Operation | null {
  if (unit.life === "dying" || unit.agent.installed || unit.agent.current !== null) return null;
  return unit.agent.charm === null ? deploy(unit, now) : plain("install");
}

function upgrade(core: Core, unit: UnitRow, now: number): Operation | null {
  return unit.life === "alive" && isIdle(unit) && charmDiffers(core, unit) ? deploy(unit, now) : null;
}

/** Not at once again after it failed. */
function deploy({ agent }: UnitRow, now: number): Operation | null {
  return agent.deployRetry !== null && now < agent.deployRetry ? null : { kind: "deploy" };
}

function charmDiffers({ data }: Core, unit: UnitRow): boolean {
  const { charm, charmModified } = existing(data.applications, unit.application);
  return unit.agent.charm?.url !== charm || unit.agent.charm.modified !== charmModified;
}

function configChanged({ data }: Core, unit: UnitRow): Operation | null {
  if (unit.life === "dying" || !isIdle(unit)) return null;
  const { configHash, addressHash, configAgain } = unit.agent;
  if (configAgain === true) return plain("config-changed");
  const application = existing(data.applications, unit.application);
  const same = configHash === settingsHash(application) && addressHash === machineOf(data, unit).address;
  return same ? null : plain("config-changed");
}

function relations({ data }: Core, unit: UnitRow): Operation | null {
  const next = unit.life === "alive" && isIdle(unit) ? nextRelationHook(data, unit) : null;
  return next === null ? null : hook(next);
}

function updateStatus(_: Core, unit: UnitRow): Operation | null {
  const timer = unit.agent.updateStatus;
  if (timer === null || unit.life === "dying" || !isIdle(unit)) return null;
  return timer.ticks === timer.seen ? null : plain("update-status");
}
