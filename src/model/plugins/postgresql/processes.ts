/**
 * The server's processes, as the kernel shows them. A server outlives the process that started it, so it is known by
 * what it cannot fake: the process named in `postmaster.pid` whose working directory is the cluster's data directory.
 */

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 20;

/** Process id of the server that runs on `data`, or null. */
export async function findServer(data: string): Promise<number | null> {
  const pid = Number((await pidFile(data))[0]);
  if (!Number.isInteger(pid) || pid <= 1) return null;
  try {
    const [theirs, ours] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(data)]);
    return theirs.dev === ours.dev && theirs.ino === ours.ino && !(await isZombie(pid)) ? pid : null;
  } catch {
    return null;
  }
}

/** True once the server says that it takes connections (PostgreSQL 16, src/include/utils/pidfile.h, line 8). */
export async function isReady(data: string): Promise<boolean> {
  return (await pidFile(data))[7]?.trim() === "ready";
}

/** Waits until `condition` holds. `ms`: how long at most; rejects with `what` then. */
export async function until(what: string, ms: number, condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`${what} took longer than ${ms} ms`);
    await delay(POLL_MS);
  }
}

/**
 * Sends a signal to the server and each of its children: a stopped postmaster alone would leave open connections
 * working. The postmaster comes first, so that it makes no further child meanwhile.
 */
export async function signalAll(pid: number, signal: "SIGSTOP" | "SIGCONT"): Promise<void> {
  process.kill(pid, signal);
  for (const child of await childrenOf(pid)) sendSignal(child, signal);
}

/** Sends a signal; a process that is gone already is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** True if no process `pid` is left (one that only waits for its parent counts as gone). */
export async function isGone(pid: number): Promise<boolean> {
  try {
    return await isZombie(pid);
  } catch {
    return true;
  }
}

export async function childrenOf(pid: number): Promise<number[]> {
  const all = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(all.map((name) => parentOf(name)));
  return all.filter((_, index) => parents[index] === pid).map(Number);
}

/** True if the process is stopped by a signal. */
export async function isStopped(pid: number): Promise<boolean> {
  return (await processStat(pid))[0] === "T";
}

async function isZombie(pid: number): Promise<boolean> {
  return (await processStat(pid))[0] === "Z";
}

async function parentOf(pid: string): Promise<number> {
  try {
    return Number((await processStat(pid))[1]);
  } catch {
    return 0;
  }
}

/** Fields of /proc/<pid>/stat from the state on; the name before may hold any character (proc(5)). */
async function processStat(pid: number | string): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

async function pidFile(data: string): Promise<string[]> {
  try {
    return (await readFile(join(data, "postmaster.pid"), "utf8")).split("\n");
  } catch {
    return [];
  }
}
