/** Two machines of one kind in a network of their own, for what the local model relies on whatever the kind. */

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { machineKind } from "../../src/machines/index.ts";
import type { Disk, Machine, MachineKind, Network } from "../../src/machines/machine.ts";
import { stockPath } from "../../src/machines/run.ts";
import { scratchDirectory } from "../fixtures/scratch.ts";
import { BENCH, type BenchRecord } from "../sweep.ts";

export const stock = { PATH: stockPath };

export class MachineBench {
  readonly kind: MachineKind;
  readonly #name: string;
  readonly model = `t${process.pid.toString(36)}`;
  /** Everything of ours on the host; on a real file system. */
  base = "";
  image = "";
  network!: Network;
  one!: Machine;
  two!: Machine;

  constructor(kind: string) {
    this.#name = kind;
    this.kind = machineKind(kind);
  }

  /** Network, image and two machines with one disk in common. */
  async setUp(): Promise<void> {
    const { kind, model } = this;
    this.base = scratchDirectory("machines-");
    writeFileSync(join(this.base, BENCH), JSON.stringify({ kind: this.#name, model } satisfies BenchRecord));
    this.image = await kind.image("", () => undefined);
    this.network = await kind.createNetwork({ model, reach: "inside" });
    [this.one, this.two] = await Promise.all([this.handle("1", [this.shared]), this.handle("2", [this.shared])]);
    await Promise.all([this.one, this.two].map((machine) => machine.start().then(() => machine.booted())));
  }

  async tearDown(): Promise<void> {
    await this.kind.sweep(this.model);
    rmSync(this.base, { recursive: true, force: true });
  }

  get shared(): Disk {
    return this.disk("shared", "/var/lib/concourse");
  }

  /** A host directory of its own for a test. */
  hostDirectory(name: string): string {
    const path = join(this.base, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  disk(name: string, path: string, readOnly = false): Disk {
    return { name, source: this.hostDirectory(name), path, readOnly };
  }

  handle(id: string, disks: readonly Disk[] = []): Promise<Machine> {
    const { model, image, base } = this;
    const directory = join(base, "machines", id);
    return this.kind.machine({ model, id, hostname: `juju-${model}-${id}`, image, directory, disks }, this.network);
  }

  /**
   * What this model has on the host: processes by their cgroup, cgroups, mounts, pins of namespaces. Zombies do not count: where
   * the process that started a machine is gone, it is the host's init that collects them, in its own time.
   */
  traces(): string[] {
    const mine = new RegExp(`(?:concourse-machine/|juju-)${this.model}\\b`);
    const processes = globSync("/proc/[0-9]*/cgroup").filter((file) => {
      try {
        const zombie = /^State:\tZ/m.test(readFileSync(file.replace(/cgroup$/, "status"), "utf8"));
        return !zombie && mine.test(readFileSync(file, "utf8"));
      } catch {
        return false;
      }
    });
    const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    return [
      ...processes,
      ...globSync(`/sys/fs/cgroup/{,*/}{concourse-machine/${this.model},lxc.*-${this.model}-*}`),
      ...mounts.filter((line) => line.includes(this.base) || mine.test(line)),
      ...globSync(`/run/concourse-machine/${this.model}*`),
    ];
  }
}

/** Runs a shell script in a machine. */
export function inside(machine: Machine, script: string, environment: Readonly<Record<string, string>> = stock) {
  const [file = "", ...args] = machine.command(["/bin/sh", "-c", script], environment, "/");
  const { status, signal, stdout, stderr } = spawnSync(file, args, { encoding: "utf8", timeout: 20_000 });
  return { status, signal, stdout: stdout.trim(), stderr: stderr.trim() };
}

/** Runs a command in the background; resolves when it has printed its first line. */
export async function background(command: readonly string[]): Promise<ChildProcess> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(createInterface({ input: child.stdout }), "line");
  return child;
}
