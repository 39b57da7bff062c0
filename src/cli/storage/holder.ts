/** Who has the store's lock, by what the kernel lists at descriptors: looking takes the lock from nobody. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface LockHolder {
  /** Process, as this host counts. */
  readonly pid: number;
  /** Its cgroups (`/proc/<pid>/cgroup`): the name of its container is part of them. */
  readonly cgroups: string;
  /** The process is stopped with its whole cgroup, and keeps the lock. */
  readonly frozen: boolean;
}

/**
 * Processes that hold an flock on the file with this inode. `/proc/locks` would not do: it leaves out locks that a child
 * has taken for its parent and whose taker has ended.
 */
export async function lockHolders(inode: number): Promise<LockHolder[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const held = new RegExp(`^lock:.*FLOCK .*:${inode} `, "m");
  const holders: LockHolder[] = [];
  for (const pid of pids) {
    if (!(await descriptors(pid)).some((text) => held.test(text))) continue;
    const cgroups = await textOf(`/proc/${pid}/cgroup`);
    holders.push({ pid, cgroups, frozen: await isFrozen(cgroups) });
  }
  return holders;
}

async function descriptors(pid: number): Promise<string[]> {
  const directory = `/proc/${pid}/fdinfo`;
  const names = await readdir(directory).catch(() => []);
  return Promise.all(names.map((name) => textOf(join(directory, name))));
}

/** Processes come and go while we look. */
async function textOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}

/** Frozen by its cgroup or one above it, in version 2 (`cgroup.events`) or by the freezer of version 1. */
async function isFrozen(cgroups: string): Promise<boolean> {
  const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n").map((line) => line.split(" "));
  for (const [, point = "", type, options = ""] of mounts) {
    if (type === "cgroup2") {
      const path = /^0::(.*)$/m.exec(cgroups)?.[1] ?? "";
      if (/^frozen 1$/m.test(await textOf(join(point, path, "cgroup.events")))) return true;
    } else if (type === "cgroup" && options.split(",").includes("freezer")) {
      const path = /^\d+:[^:]*\bfreezer\b[^:]*:(.*)$/m.exec(cgroups)?.[1] ?? "";
      if (/^(?:FROZEN|FREEZING)/.test(await textOf(join(point, path, "freezer.state")))) return true;
    }
  }
  return false;
}
