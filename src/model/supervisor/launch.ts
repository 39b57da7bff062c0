/** Reaching a model's supervisor from outside, starting it where none runs. */

import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../errors.ts";
import { machineKind } from "../../machines/index.ts";
import type { ModelPaths } from "./paths.ts";
import { NotRunningError, request } from "./protocol.ts";
import { readRecord } from "./record.ts";

const PROGRAM = fileURLToPath(new URL("./main.ts", import.meta.url));

/**
 * One request to the model's supervisor, which is started first if it does not run.
 * @throws UserError for a model that is not there or cannot be started; UserError and ModelError from the supervisor.
 */
export async function ask(
  paths: ModelPaths,
  verb: string,
  params: unknown,
  onEvent?: (event: unknown) => void,
  signal?: AbortSignal,
): Promise<unknown> {
  try {
    return await request(paths.socket, verb, params, onEvent, signal);
  } catch (error) {
    if (!(error instanceof NotRunningError) || signal?.aborted === true) throw error;
    await startSupervisor(paths);
    return request(paths.socket, verb, params, onEvent, signal);
  }
}

/** Starts a supervisor, detached, inside the model's network. Harmless if one comes up at the same time. */
export async function startSupervisor(paths: ModelPaths): Promise<void> {
  const record = readRecord(paths);
  const kind = machineKind(record.machines);
  const network = await kind.createNetwork({ model: record.short, reach: record.reach });
  mkdirSync(dirname(paths.supervisorLog), { recursive: true });
  const log = openSync(paths.supervisorLog, "a");
  const hostNetwork = openSync("/proc/self/ns/net", "r");
  const [program = process.execPath, ...args] = [...network.enter, process.execPath, PROGRAM];
  const child = spawn(program, [...args, paths.name, JSON.stringify(network)], {
    detached: true,
    cwd: "/",
    stdio: ["ignore", log, log, hostNetwork, "ipc"],
  });
  closeSync(log);
  closeSync(hostNetwork);
  const ready = await new Promise<boolean>((resolve) => {
    child.once("message", () => resolve(true));
    child.once("exit", () => resolve(false));
    child.once("error", () => resolve(false));
  });
  child.unref();
  // Another one may have come up first: then ours has left it the field.
  if (!ready && !(await answers(paths))) {
    throw new UserError(`the model's supervisor did not start: ${lastWords(paths)}`);
  }
}

/** True if a supervisor answers on the model's socket. */
export async function answers(paths: ModelPaths): Promise<boolean> {
  if (!existsSync(paths.socket)) return false;
  try {
    await request(paths.socket, "ping", {});
    return true;
  } catch {
    return false;
  }
}

function lastWords(paths: ModelPaths): string {
  const lines = readFileSync(paths.supervisorLog, "utf8").trim().split("\n");
  return lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? "no message";
}
