/** Where a model keeps its files. `CONCOURSE_MACHINE_DATA` moves the root. */

import { join } from "node:path";

export function dataDirectory(): string {
  return process.env["CONCOURSE_MACHINE_DATA"] ?? "/var/lib/concourse-machine";
}

export function modelsDirectory(): string {
  return join(dataDirectory(), "models");
}

/** Name of the model that commands without `-m` mean. */
export function currentModelFile(): string {
  return join(dataDirectory(), "current-model");
}

export interface ModelPaths {
  readonly name: string;
  /** 0700, root's: what lies below is reachable by root and, where it is mounted, by units. */
  readonly root: string;
  readonly record: string;
  readonly socket: string;
  readonly pid: string;
  /** The supervisor's own standard output and error. */
  readonly supervisorLog: string;
  readonly debugLog: string;
  readonly statusLog: string;
  readonly machines: string;
  readonly charms: string;
  readonly resources: string;
  readonly plugins: string;
  readonly shared: string;
  /** Sockets between the supervisor and its child in the host's network. */
  readonly inward: string;
  readonly outward: string;
}

export function modelPaths(name: string): ModelPaths {
  const root = join(modelsDirectory(), name);
  return {
    name,
    root,
    record: join(root, "model.json"),
    socket: join(root, "supervisor.sock"),
    pid: join(root, "supervisor.pid"),
    supervisorLog: join(root, "log", "supervisor.log"),
    debugLog: join(root, "log", "debug.jsonl"),
    statusLog: join(root, "log", "status.jsonl"),
    machines: join(root, "machines"),
    charms: join(root, "charms"),
    resources: join(root, "resources"),
    plugins: join(root, "plugins"),
    shared: join(root, "shared"),
    inward: join(root, "inward.sock"),
    outward: join(root, "outward.sock"),
  };
}
