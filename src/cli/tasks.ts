/** Progress and results of actions and commands, as Juju's client prints them (Juju 3.6, cmd/juju/action/common.go). */

import { dateAndTime } from "../model/status/text.ts";
import type { Enqueued, Task } from "../model/state/types.ts";
import { printDocument, renderDocument } from "./documents.ts";
import { ExitError } from "./report.ts";
import { askModel, print, say } from "./session.ts";

export type TaskFormat = "plain" | "yaml" | "json";

export interface FollowOptions {
  readonly format: TaskFormat;
  readonly background: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly utc: boolean;
}

const HIDDEN = ["return-code", "stdout", "stderr", "stdout-encoding", "stderr-encoding"];

function tagOf(unit: string): string {
  return `unit-${unit.replace("/", "-")}`;
}

/** Says what was scheduled, waits for it, prints it. @throws ExitError as Juju exits. */
export async function follow(model: string | undefined, enqueued: Enqueued, options: FollowOptions): Promise<void> {
  const { operation, tasks, errors } = enqueued;
  if (tasks.length === 0) return say(`\nOperation ${operation} failed to schedule any tasks:\n${errors.join("\n")}`);
  if (options.background) return sayScheduled(enqueued);
  say(`Running operation ${operation} with ${tasks.length} task${tasks.length === 1 ? "" : "s"}`);
  for (const task of tasks) say(`  - task ${task.id} on ${tagOf(task.unit)}`);
  if (errors.length > 0) say(errors.join("\n"));
  say("");
  const done = await wait(model, enqueued, options);
  await printTasks(done, options.format, options.utc);
  const late = done.filter((task) => task.completed === null);
  if (late.length > 0)
    throw new ExitError(1, `timed out waiting for results from: ${late.map(({ unit }) => `unit ${unit}`).join(", ")}`);
  refuseFailed(done);
}

function sayScheduled({ operation, tasks }: Enqueued): void {
  const several = tasks.length > 1;
  const list = several ? `${tasks.length} tasks` : `task ${tasks[0]?.id}`;
  say(`Scheduled operation ${operation} with ${list}`);
  for (const task of several ? tasks : []) say(`  - task ${task.id} on ${tagOf(task.unit)}`);
  for (const task of tasks) say(`Check task status with 'concourse-machine show-task ${task.id}'`);
}

async function wait(model: string | undefined, { tasks }: Enqueued, options: FollowOptions): Promise<Task[]> {
  const ids = tasks.map(({ id }) => id);
  for (const id of ids) say(`Waiting for task ${id}...`);
  let logged = false;
  const done = await askModel<Task[]>(model, "wait", { ids, timeout: options.timeout }, (event) => {
    const { time, message } = event as { time: number; message: string };
    const clock = options.utc ? new Date(time).toISOString().slice(11, 19) : new Date(time).toTimeString().slice(0, 8);
    say(`${clock} ${message}`);
    logged = true;
  });
  if (logged) say("");
  return done;
}

/** Juju fails the command for a return code from 1 on only: `action-fail` alone leaves it at success. */
function refuseFailed(tasks: readonly Task[]): void {
  const failed = tasks.filter((task) => Number(task.results["return-code"] ?? 0) >= 1);
  if (failed.length === 0) return;
  const lines = failed.map((task) => ` - id "${task.id}" with return code ${String(task.results["return-code"])}\n`);
  const word = failed.length === 1 ? "task" : "tasks";
  const hint = "use 'concourse-machine show-task' to inspect the failure";
  throw new ExitError(1, `the following ${word} failed:\n${lines.join("")}\n${hint}${failed.length === 1 ? "" : "s"}`);
}

/** Results without what the process itself gave. */
function ownResults(task: Task): Record<string, unknown> {
  return Object.fromEntries(Object.entries(task.results).filter(([key]) => !HIDDEN.includes(key)));
}

export async function printTasks(tasks: readonly Task[], format: TaskFormat, utc: boolean): Promise<void> {
  if (format !== "plain") {
    return printDocument(Object.fromEntries(tasks.map((task) => [task.unit, details(task, utc)])), format);
  }
  const [only] = tasks;
  if (only !== undefined && tasks.length === 1) return printOne(only);
  const document = await Promise.all(
    tasks.map(async (task) => {
      const status = task.status === "completed" ? {} : { status: task.status };
      const message = task.message === "" ? {} : { message: task.message };
      return [task.unit, { id: String(task.id), output: await plainText(task), ...status, ...message }] as const;
    }),
  );
  return printDocument(Object.fromEntries(document), "yaml");
}

async function plainText(task: Task): Promise<string> {
  const results = ownResults(task);
  const yaml = Object.keys(results).length === 0 ? "" : await renderDocument(results, "yaml");
  const texts = [task.results["stdout"], task.results["stderr"]].map((text) => trimmed(String(text ?? "")));
  return [yaml, ...texts.filter((text) => text !== "")].join(yaml === "" ? "" : "\n");
}

async function printOne(task: Task): Promise<void> {
  if (task.status === "failed") print(`Action id ${task.id} failed: ${task.message}\n`);
  const results = ownResults(task);
  print(Object.keys(results).length === 0 ? "\n" : `${await renderDocument(results, "yaml")}\n`);
  for (const key of ["stdout", "stderr"]) {
    const text = trimmed(String(task.results[key] ?? ""));
    if (text !== "") print(`${text}\n`);
  }
}

function trimmed(text: string): string {
  return text.replace(/^\n+|\n+$/g, "");
}

function details(task: Task, utc: boolean): Record<string, unknown> {
  const time = (value: number | null): string | undefined => (value === null ? undefined : dateAndTime(value, utc));
  return {
    id: String(task.id),
    ...(task.log.length === 0
      ? {}
      : { log: task.log.map((line) => `${dateAndTime(line.time, true)} ${line.message}`) }),
    ...(task.message === "" ? {} : { message: task.message }),
    ...(Object.keys(task.results).length === 0 ? {} : { results: task.results }),
    status: task.status,
    timing: { completed: time(task.completed), enqueued: time(task.enqueued), started: time(task.started) },
    unit: task.unit,
  };
}
