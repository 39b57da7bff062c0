/** The end of a model, whatever state it is in: supervisor running, dead, hung, or never quite started. */

import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { rm, rmdir } from "node:fs/promises";
import { UserError } from "../../errors.ts";
import { machineKind } from "../../machines/index.ts";
import { currentModelFile, dataDirectory, modelsDirectory, type ModelPaths } from "./paths.ts";
import { NotRunningError, request } from "./protocol.ts";
import type { ModelRecord } from "./record.ts";

/** Milliseconds that a supervisor gets to take its model down. */
const PATIENCE = 30_000;

/** What must be known to remove a model, also from a damaged record; null if not even that is there. */
function essentials(paths: ModelPaths): Pick<ModelRecord, "short" | "machines"> | null {
  try {
    const { short, machines } = JSON.parse(readFileSync(paths.record, "utf8")) as ModelRecord;
    return { short, machines };
  } catch {
    return null;
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

/** Ends the model's supervisor if the pid file names one: a process is known by its command line. */
function killSupervisor(paths: ModelPaths): void {
  if (!existsSync(paths.pid)) return;
  const pid = Number(readFileSync(paths.pid, "utf8"));
  const words = commandLine(pid);
  if (words.some((word) => word.endsWith("supervisor/main.ts")) && words.includes(paths.name)) kill(pid);
}

function networkOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return "";
  }
}

/** Ends all that still lives in the model's network: servers of plug-ins, whoever started them. */
function killNetwork(enter: readonly string[]): void {
  const file = enter.find((word) => word.startsWith("--net="))?.slice("--net=".length);
  const stat = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return;
  const name = `net:[${stat.ino}]`;
  if (name === networkOf("self") || name === networkOf("1")) return;
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    if (networkOf(pid) === name) kill(Number(pid));
  }
}

/** Files are only deleted where nothing is mounted below: what is mounted may be the operator's. */
function refuseMounts(root: string): void {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "");
  const below = mounts.find((point) => point.startsWith(`${root}/`));
  if (below !== undefined) throw new UserError(`${below} is still mounted`, `Unmount it with: umount ${below}`);
}

/** Leaves nothing of the model: no process, mount, namespace, bridge, cgroup or file. Idempotent. */
export async function removeModel(paths: ModelPaths): Promise<void> {
  try {
    await request(paths.socket, "destroy", {}, undefined, AbortSignal.timeout(PATIENCE));
  } catch (error) {
    if (!(error instanceof NotRunningError))
      process.stderr.write(`The supervisor did not take the model down: ${(error as Error).message}\n`);
  }
  killSupervisor(paths);
  const known = essentials(paths);
  if (known !== null) {
    const kind = machineKind(known.machines);
    // Whatever it was before, what is in there reaches nothing any more.
    killNetwork((await kind.createNetwork({ model: known.short, reach: "inside" })).enter);
    await kind.sweep(known.short);
    await kind.destroyNetwork(known.short);
  }
  refuseMounts(paths.root);
  // The supervisor may be writing its last line.
  await rm(paths.root, { recursive: true, force: true, maxRetries: 5 });
  await forget(paths.name);
}

async function forget(name: string): Promise<void> {
  const file = currentModelFile();
  if (existsSync(file) && readFileSync(file, "utf8").trim() === name) await rm(file);
  for (const directory of [modelsDirectory(), dataDirectory()]) {
    await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (!["ENOENT", "ENOTEMPTY", "EEXIST", "EBUSY"].includes(error.code ?? "")) throw error;
    });
  }
}
