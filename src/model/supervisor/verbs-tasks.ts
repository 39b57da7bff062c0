/** Actions and commands on units. */

import { z } from "zod";
import { UserError } from "../../errors.ts";
import type { Frozen, Task } from "../state/model.ts";
import type { LiveModel } from "./live-model.ts";
import type { Supervisor } from "./supervisor.ts";
import { verb } from "./verb.ts";

/** A line of `action-log`, as it comes. */
export interface TaskLine {
  readonly id: number;
  readonly time: number;
  readonly message: string;
}

/** Tells the log lines of a task that were not told yet. */
function tellLog(task: Task, told: Map<number, number>, send: (event: TaskLine) => void): void {
  for (const line of task.log.slice(told.get(task.id) ?? 0)) send({ id: task.id, ...line });
  told.set(task.id, task.log.length);
}

/** Ends when all tasks have, or after `timeout` milliseconds with what there is. */
async function wait(
  model: LiveModel,
  ids: readonly number[],
  timeout: number | null,
  send: (event: TaskLine) => void,
  gone: AbortSignal,
): Promise<Task[]> {
  const told = new Map<number, number>();
  const limits = timeout === null ? [gone] : [gone, AbortSignal.timeout(timeout)];
  const tasks = (): Task[] => ids.map((id) => model.state.task(id));
  const finished = model.until(() => {
    const current = tasks();
    for (const task of current) tellLog(task, told, send);
    return current.every((task) => task.completed !== null) ? current : undefined;
  }, AbortSignal.any(limits));
  return finished.catch((error: unknown) => {
    if (limits.some((limit) => limit.aborted)) return tasks();
    throw error;
  });
}

/** Juju tells of an unknown unit only in the result, and succeeds; for us it is a mistake like any other. */
function requireReceivers(model: LiveModel, names: readonly string[]): void {
  const { data } = model.state;
  for (const name of names) {
    const [application = ""] = name.split("/");
    const known = name.endsWith("/leader") ? data.applications[application] : data.units[name];
    if (known === undefined)
      throw new UserError(`unit "${name}" not found`, "List them with: concourse-machine status");
  }
}

/** Units that `--unit`, `--application` and `--all` mean. */
function receivers(model: LiveModel, params: { units: string[]; applications: string[]; all: boolean }): string[] {
  const { data } = model.state;
  const unknown = params.applications.find((name) => data.applications[name] === undefined);
  if (unknown !== undefined) throw new UserError(`application "${unknown}" not found`);
  requireReceivers(model, params.units);
  const named = Object.values(data.units)
    .filter((unit) => params.all || params.applications.includes(unit.application))
    .map((unit) => unit.name);
  return [...new Set([...params.units, ...named])];
}

function cancel(supervisor: Supervisor, id: number): Frozen<Task> {
  const { model, fleet } = supervisor;
  model.state.cancelTask(id, model.now());
  const task = model.state.task(id);
  const agent = fleet.agent(task.unit);
  const running = agent?.contexts().find((context) => {
    const operation = model.state.run(context)?.operation;
    return operation !== undefined && "task" in operation && operation.task === id;
  });
  if (running !== undefined) agent?.kill(running);
  return task;
}

export const taskVerbs = {
  run: verb(
    z.object({
      receivers: z.array(z.string()).min(1),
      action: z.string(),
      params: z.record(z.string(), z.unknown()),
    }),
    ({ supervisor: { model } }, { receivers: to, action, params }) => {
      requireReceivers(model, to);
      return model.state.enqueueAction(to, action, params, model.now());
    },
  ),

  exec: verb(
    z.object({ units: z.array(z.string()), applications: z.array(z.string()), all: z.boolean(), script: z.string() }),
    ({ supervisor: { model } }, params) =>
      model.state.enqueueExec(receivers(model, params), params.script, model.now()),
  ),

  wait: verb(
    z.object({ ids: z.array(z.int()), timeout: z.int().nullable() }),
    ({ supervisor: { model }, send, signal }, { ids, timeout }) => wait(model, ids, timeout, send, signal),
  ),

  task: verb(z.object({ id: z.int() }), ({ supervisor: { model } }, { id }) => model.state.task(id)),

  "cancel-task": verb(z.object({ id: z.int() }), ({ supervisor }, { id }) => cancel(supervisor, id)),
};
