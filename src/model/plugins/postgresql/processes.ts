/**
 * The server's processes, as the kernel shows them. A server outlives the process that started it, so it is known by
 * what it cannot fake: the process named in `postmaster.pid` whose working directory is the cluster's data directory.
 */

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 20;
const SIGNAL_MS = 5000;

/** Process id of the server that runs on `data`, or null. */
export async function findServer(data: string): Promise<number | null> {
  const pid = Number((await pidFile(data))[0]);
  return Number.isInteger(pid) && pid > 1 && (await worksIn(pid, data)) ? pid : null;
}

/** Every process that works on `data`: the server, its children, and for a moment the orphans of one that was killed. */
export async function processesOn(data: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => worksIn(pid, data)));
  return pids.filter((_, index) => found[index]);
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
 * Stops the server and each of its children: a stopped postmaster alone would leave open connections working. Resolves
 * when the kernel shows all of them stopped, also a child that was made meanwhile.
 */
export async function freeze(data: string): Promise<void> {
  await signalUntil(data, "SIGSTOP", true);
}

/** Undoes `freeze`. */
export async function thaw(data: string): Promise<void> {
  await signalUntil(data, "SIGCONT", false);
}

async function signalUntil(data: string, signal: "SIGSTOP" | "SIGCONT", stopped: boolean): Promise<void> {
  await until(`${signal} to PostgreSQL`, SIGNAL_MS, async () => {
    const pids = await processesOn(data);
    const states = await Promise.all(pids.map(isStopped));
    const left = pids.filter((_, index) => states[index] !== stopped);
    for (const pid of left) sendSignal(pid, signal);
    return left.length === 0;
  });
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

/** True if the process is stopped by a signal; false if it runs or is gone. */
export async function isStopped(pid: number): Promise<boolean> {
  try {
    return (await processStat(pid))[0] === "T";
  } catch {
    return false;
  }
}

async function isZombie(pid: number): Promise<boolean> {
  return (await processStat(pid))[0] === "Z";
}

async function worksIn(pid: number, directory: string): Promise<boolean> {
  try {
    const [theirs, ours] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(directory)]);
    return theirs.dev === ours.dev && theirs.ino === ours.ino && !(await isZombie(pid));
  } catch {
    return false;
  }
}

/** Fields of /proc/<pid>/stat from the state on; the name before may hold any character (proc(5)). */
async function processStat(pid: number): Promise<string[]> {
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
