/** Actions and scripts to run. Juju 3.6: state/action.go, state/operation.go, state/unit.go PrepareActionPayload. */
import { UserError } from "../../errors.ts";
import { refusedMaps, withDefaults, violations } from "./action-schema.ts";
import type { ApplicationRow, Core, ModelData } from "./data.ts";
import { jujuOf } from "./juju-line.ts";
import { isUnitName } from "./names.ts";
import { charmOf, existing, unitNamed } from "./rows.ts";
import type { Enqueued, Task } from "./types.ts";

type Params = Readonly<Record<string, unknown>>;

export function enqueueAction(
  core: Core,
  receivers: readonly string[],
  action: string,
  params: Params,
  now: number,
): Enqueued {
  return enqueue(core, receivers, now, (unit) => {
    const { info } = charmOf(core.data, applicationOfUnit(core.data, unit));
    // Which actions a plug-in has, only its instance knows.
    if (info.channel !== null) return { name: action, params, script: null };
    const spec = info.actions[action];
    if (spec === undefined) throw new UserError(`action "${action}" not defined on unit "${unit}"`);
    const refused = jujuOf(core.data).mapParameters ? [] : refusedMaps(spec.schema, params);
    const problems = [...violations(spec.schema, params), ...refused];
    if (problems.length > 0) throw new UserError(`validation failed: ${problems.join("; ")}`);
    return { name: action, params: withDefaults(spec.schema, params), script: null };
  });
}

export function enqueueExec(core: Core, receivers: readonly string[], script: string, now: number): Enqueued {
  return enqueue(core, receivers, now, (unit) => {
    applicationOfUnit(core.data, unit);
    return { name: "juju-exec", params: { command: script }, script };
  });
}

type Prepared = Pick<Task, "name" | "params" | "script">;

/** The operation takes its number even if no task comes of it. */
function enqueue(core: Core, receivers: readonly string[], now: number, prepare: (unit: string) => Prepared): Enqueued {
  const operation = ++core.data.sequences.task;
  core.changed();
  const tasks: { id: number; unit: string }[] = [];
  const errors: string[] = [];
  for (const receiver of receivers) {
    try {
      const unit = receivingUnit(core.data, receiver);
      const prepared = prepare(unit);
      const id = ++core.data.sequences.task;
      core.data.tasks[id] = newTask({ id, operation, unit, ...prepared, relation: null, enqueued: now });
      tasks.push({ id, unit });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      errors.push(error.message);
    }
  }
  return { operation, tasks, errors };
}

function applicationOfUnit(data: ModelData, unit: string): ApplicationRow {
  return existing(data.applications, unitNamed(data, unit).application);
}

function receivingUnit(data: ModelData, receiver: string): string {
  if (!receiver.endsWith("/leader")) {
    if (!isUnitName(receiver)) throw new UserError(`invalid unit name "${receiver}"`);
    return receiver;
  }
  const application = receiver.slice(0, -"/leader".length);
  const holder = data.applications[application]?.lease?.holder;
  if (holder === undefined) throw new UserError(`could not determine leader for "${application}"`);
  return holder;
}

type Given = Pick<Task, "id" | "operation" | "unit" | "name" | "params" | "script" | "relation" | "enqueued">;

function newTask(given: Given): Task {
  return { ...given, status: "pending", message: "", results: {}, log: [], started: null, completed: null };
}

export interface CommandOptions {
  readonly relationId?: number;
  readonly remoteUnit?: string;
}

/** `juju-exec` typed inside a machine does not pass the controller: a number of its own, no operation. */
export function enqueueCommand(core: Core, unit: string, script: string, options: CommandOptions, now: number): number {
  const { agent } = unitNamed(core.data, unit);
  const { relationId, remoteUnit = "" } = options;
  if (relationId !== undefined && agent.relations[relationId] === undefined) {
    throw new UserError(`unable to find requested relation ID ${relationId}`);
  }
  const id = --core.data.sequences.command;
  const relation = relationId === undefined ? null : { id: relationId, remoteUnit };
  core.data.tasks[id] = newTask({
    id,
    operation: 0,
    unit,
    name: "juju-exec",
    params: {},
    script,
    relation,
    enqueued: now,
  });
  core.changed();
  return id;
}

export function taskNumbered(data: ModelData, id: number): Task {
  const task = data.tasks[id];
  if (task === undefined) throw new UserError(`task "${id}" not found`);
  return task;
}

export function forgetTask(core: Core, id: number): void {
  const task = taskNumbered(core.data, id);
  if (task.completed === null) throw new UserError(`task "${id}" is ${task.status}`);
  delete core.data.tasks[id];
  core.changed();
}

/** A running one is only marked: its process has to be killed, then `finish` makes it `aborted`. */
export function cancelTask(core: Core, id: number, now: number): void {
  const task = taskNumbered(core.data, id);
  if (task.status === "pending") {
    task.status = "cancelled";
    task.completed = now;
  } else if (task.status === "running") {
    task.status = "aborting";
  } else {
    return;
  }
  core.changed();
}
