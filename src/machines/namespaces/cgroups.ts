import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { code } from "../errno.ts";
import type { Hierarchy } from "../hierarchies.ts";
import { until } from "./until.ts";

const product = "concourse-machine";

/** How long a machine's helpers may take to end by themselves (milliseconds). */
const patience = 2000;

function unified(all: readonly Hierarchy[]): Hierarchy {
  const found = all.find((hierarchy) => hierarchy.type === "cgroup2");
  if (found === undefined) throw new Error("no cgroup2 hierarchy is mounted below /sys/fs/cgroup");
  return found;
}

/**
 * Control groups of machines. The same tree is made in every hierarchy of the host, below its root as LXC does (LXC 5,
 * src/lxc/cgroups/cgfsng.c: lxc.monitor.* and lxc.payload.*):
 *
 *   concourse-machine/<model>/<machine>/monitor    the process that waits for the machine's init
 *   concourse-machine/<model>/<machine>/payload    root of the machine's own cgroup namespace
 *   concourse-machine/<model>/<machine>/commands   what the host runs inside the machine; not below payload, where
 *                                                  the machine's systemd tidies up
 *
 * Whether a machine lives, is killed or frozen is read from and written to the cgroup2 hierarchy alone, which systemd
 * mounts in each of its modes (unified, hybrid): every process of a machine is there from its first instruction on, so
 * nothing can be missed, whoever crashed when.
 *
 * This is the tree of one machine, or of a whole model when `machine` is left out.
 */
export class Cgroups {
  private readonly all: readonly Hierarchy[];
  private readonly path: readonly string[];

  constructor(all: readonly Hierarchy[], model: string, machine?: string) {
    this.all = all;
    this.path = machine === undefined ? [product, model] : [product, model, machine];
  }

  get hierarchies(): readonly Hierarchy[] {
    return this.all;
  }

  /** The directory of a cgroup in each hierarchy. */
  directories(...below: string[]): string[] {
    return this.all.map((hierarchy) => join(hierarchy.mountPoint, ...this.path, ...below));
  }

  /** The directory of a cgroup where life and death are decided. */
  unified(...below: string[]): string {
    return join(unified(this.all).mountPoint, ...this.path, ...below);
  }

  async create(): Promise<void> {
    for (const hierarchy of this.all) {
      while (!(await this.createIn(hierarchy)));
    }
  }

  /** False when a parent went away meanwhile, with the last machine of this or another model: to be done again. */
  private async createIn(hierarchy: Hierarchy): Promise<boolean> {
    try {
      let directory = hierarchy.mountPoint;
      for (const step of this.path) {
        await makeGroup(hierarchy, directory, step);
        directory = join(directory, step);
      }
      for (const group of ["monitor", "payload", "commands"]) await makeGroup(hierarchy, directory, group);
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  /** Whether any process is left, be it only about to start. */
  async populated(): Promise<boolean> {
    return (await event(this.unified(), "populated")) === "1";
  }

  /** Resolves when no process is left. */
  async emptied(signal?: AbortSignal): Promise<void> {
    await eventIs(this.unified(), "populated", "0", signal);
  }

  /** Kills every process and removes the tree, with the parents that are empty then. Idempotent. */
  async end(): Promise<void> {
    // Busy only if somebody started it meanwhile, whose process is in by now: the next round ends that one.
    for (let rounds = 10; ; rounds--) {
      await this.kill();
      try {
        return await this.remove();
      } catch (error) {
        if (code(error) !== "EBUSY" || rounds === 0) throw error;
      }
    }
  }

  /**
   * Kills the init, frozen or not, and with it what the kernel kills then: the whole PID namespace. The monitor and those who
   * entered from outside are left to collect their children: else these stay as zombies until the host's init sees them. If
   * there is no init yet, or somebody does not collect in time, everything is killed (Linux 5.14, cgroup.kill).
   */
  private async kill(): Promise<void> {
    if ((await event(this.unified("payload"), "populated")) === "1") {
      await writeIfThere(this.unified("payload", "cgroup.kill"), "1");
      await writeIfThere(this.unified("cgroup.freeze"), "0");
      await this.emptied(AbortSignal.timeout(patience)).catch(() => undefined);
    }
    await writeIfThere(this.unified("cgroup.kill"), "1");
    await this.emptied();
  }

  /** The machines of a model that have cgroups. */
  async machines(): Promise<string[]> {
    try {
      const entries = await readdir(this.unified(), { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    } catch (error) {
      if (isGone(error)) return [];
      throw error;
    }
  }

  async freeze(frozen: boolean): Promise<void> {
    await writeFile(this.unified("cgroup.freeze"), frozen ? "1" : "0");
    await eventIs(this.unified(), "frozen", frozen ? "1" : "0");
  }

  private async remove(): Promise<void> {
    for (const directory of this.directories()) {
      await removeTree(directory);
      for (let parent = dirname(directory); parent.includes(product); parent = dirname(parent)) {
        if (!(await removeEmpty(parent))) break;
      }
    }
  }
}

async function makeGroup(hierarchy: Hierarchy, parent: string, name: string): Promise<void> {
  if (hierarchy.type === "cgroup2") await handDownControllers(parent);
  await mkdir(join(parent, name)).catch((error: unknown) => {
    if (code(error) !== "EEXIST") throw error;
  });
  if (hierarchy.type === "cgroup") await inheritCpuset(join(parent, name));
}

/** A version 1 cpuset takes no process until it names processors and memory nodes (ENOSPC otherwise). */
async function inheritCpuset(directory: string): Promise<void> {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const inherited = await readIfThere(join(dirname(directory), file));
    if (inherited !== null) await writeFile(join(directory, file), inherited.trim());
  }
}

/** As many controllers as the host lets go: where it lets none go, machines run without limits and accounting. */
async function handDownControllers(directory: string): Promise<void> {
  const controllers = ((await readIfThere(join(directory, "cgroup.controllers"))) ?? "").trim();
  for (const controller of controllers === "" ? [] : controllers.split(" ")) {
    await writeFile(join(directory, "cgroup.subtree_control"), `+${controller}`).catch(() => undefined);
  }
}

async function event(directory: string, name: string): Promise<string | null> {
  const events = await readIfThere(join(directory, "cgroup.events"));
  return (
    events
      ?.split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1) ?? null
  );
}

/**
 * Awaits a value in cgroup.events; the kernel reports its changes through inotify. A cgroup that is gone has no events left, and
 * reports none: changes are held back for 10 ms and forgotten when it is removed meanwhile. That is seen at its parent.
 */
async function eventIs(directory: string, name: string, value: string, signal?: AbortSignal): Promise<void> {
  const reached = async () => [value, null].includes(await event(directory, name));
  if (!(await reached())) await until([join(directory, "cgroup.events"), dirname(directory)], reached, signal);
}

/** A cgroup that was removed: before its file was opened, or between opening and reading (ENODEV). */
function isGone(error: unknown): boolean {
  return ["ENOENT", "ENODEV"].includes(code(error));
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

async function writeIfThere(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: "r+" });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

async function removeTree(directory: string): Promise<void> {
  try {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) await removeTree(join(directory, entry.name));
    }
    await rmdir(directory);
  } catch (error) {
    if (code(error) !== "ENOENT") throw error;
  }
}

async function removeEmpty(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    if (code(error) === "ENOENT") return true;
    if (code(error) === "EBUSY" || code(error) === "ENOTEMPTY") return false;
    throw error;
  }
}
