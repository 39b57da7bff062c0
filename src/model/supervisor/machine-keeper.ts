/** One machine of the model: boots it, notices when it goes down by itself, and hands it to the agents of its units. */

import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { Disk, Machine, MachineKind } from "../../machines/machine.ts";
import { unitPaths } from "./agent-files.ts";
import { AGENT_PATH, runInMachine } from "./in-machine.ts";
import type { LiveModel } from "./live-model.ts";

/**
 * A machine that does not come up is tried again this often, and after so many milliseconds (Juju 3.6,
 * internal/worker/provisioner: retryStrategyCount, retryStrategyDelay).
 */
const retries = { count: 10, delay: 10_000 };

export interface KeeperEvents {
  /** The machine is up, again or for the first time. */
  up(machine: Machine): Promise<void>;
  /** It is about to go down: nothing new may begin there. */
  stopping(): void;
  /** It has gone down; with it went everything that ran there. */
  down(how: "shutdown" | "kill"): Promise<void>;
}

export class MachineKeeper {
  readonly id: string;
  readonly #model: LiveModel;
  readonly #kind: MachineKind;
  readonly #disks: () => readonly Disk[];
  readonly #events: KeeperEvents;
  #machine: Machine | null = null;
  #frozen = false;
  /** A process in the machine that waits for its input to end: its own end tells that the machine has ended. */
  #sentinel: ChildProcess | null = null;
  /** One thing at a time: boot, stop, attach … in the order asked for. */
  #queue: Promise<unknown> = Promise.resolve();
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(model: LiveModel, kind: MachineKind, id: string, disks: () => readonly Disk[], events: KeeperEvents) {
    this.#model = model;
    this.#kind = kind;
    this.id = id;
    this.#disks = disks;
    this.#events = events;
  }

  /** Up, and not frozen: a command that is run there comes to an end. */
  get usable(): boolean {
    return this.#machine !== null && !this.#frozen;
  }

  /** Boots the machine, or takes hold of it where it already runs. */
  start(): Promise<void> {
    return this.#serially(() => this.#boot());
  }

  stop(how: "shutdown" | "kill"): Promise<void> {
    clearTimeout(this.#retry);
    return this.#serially(() => this.#halt(how));
  }

  reboot(): Promise<void> {
    return this.#serially(async () => {
      await this.#halt("shutdown");
      await this.#boot();
    });
  }

  /** Also while it is down: the machine keeps what was plugged in and out, and boots with that. */
  attach(disk: Disk): Promise<void> {
    return this.#serially(async () => (this.#machine ?? (await this.#handle())).attach(disk));
  }

  detach(name: string): Promise<void> {
    return this.#serially(async () => (this.#machine ?? (await this.#handle())).detach(name));
  }

  /** Once more what follows a boot, for units that are not connected yet. */
  board(): Promise<void> {
    return this.#serially(async () => {
      const machine = this.#machine;
      if (machine === null || !this.usable) return;
      try {
        await this.#events.up(machine);
        this.#tellUp(machine);
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  /** Takes away what a unit had here. @param disks names of those that nobody else needs */
  clear(unit: string, disks: readonly string[]): Promise<void> {
    return this.#serially(async () => {
      const machine = this.#machine ?? (await this.#handle());
      for (const disk of disks) await machine.detach(disk);
      const { agent, tools, rebootMark } = unitPaths(unit);
      if (this.usable) await runInMachine(machine, ["rm", "-rf", "--", agent, tools, rebootMark]);
    }).catch((error: unknown) => this.#note(error));
  }

  freeze(): Promise<void> {
    return this.#serially(async () => {
      if (this.#machine === null) return;
      await this.#machine.freeze();
      this.#frozen = true;
      this.#tell({ message: "Frozen" });
    });
  }

  thaw(): Promise<void> {
    return this.#serially(async () => {
      await this.#machine?.thaw();
      const wasFrozen = this.#frozen;
      this.#frozen = false;
      if (wasFrozen) this.#tell({ message: "Running" });
    });
  }

  destroy(): Promise<void> {
    return this.#serially(async () => {
      clearTimeout(this.#retry);
      this.#dropSentinel();
      const machine = this.#machine ?? (await this.#handle());
      this.#machine = null;
      await machine.destroy();
    });
  }

  /** Lets go of the machine without touching it. */
  release(): void {
    clearTimeout(this.#retry);
    this.#dropSentinel();
  }

  #serially(task: () => Promise<void>): Promise<void> {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => {});
    return result;
  }

  get #hostname(): string {
    return `juju-${this.#model.record.short}-${this.id}`;
  }

  #handle(): Promise<Machine> {
    const { record, network, paths } = this.#model;
    const directory = join(paths.machines, this.id);
    const { short: model, image } = record;
    const spec = { model, id: this.id, hostname: this.#hostname, image, directory, disks: this.#disks() };
    return this.#kind.machine(spec, network);
  }

  async #boot(): Promise<void> {
    clearTimeout(this.#retry);
    if (this.#machine !== null) return;
    try {
      const machine = await this.#handle();
      if (!(await machine.running())) this.#tell({ status: "pending", message: "Creating container" });
      await machine.start();
      await machine.booted();
      this.#machine = machine;
      this.#frozen = false;
      this.#failures = 0;
      this.#tellUp(machine);
      this.#watch(machine);
      await this.#events.up(machine);
    } catch (error) {
      this.#fail(error);
      if (this.#failures++ < retries.count) this.#retry = setTimeout(() => void this.start(), retries.delay);
    }
  }

  #tellUp({ address, instanceId }: Machine): void {
    this.#tell({ status: "started", message: "Running", address, instanceId, hostname: this.#hostname });
  }

  #fail(error: unknown): void {
    this.#tell({ status: "error", message: (error as Error).message });
    this.#note(error);
  }

  #note(error: unknown): void {
    this.#model.note("ERROR", `machine-${this.id}`, (error as Error).message);
  }

  async #halt(how: "shutdown" | "kill"): Promise<void> {
    const machine = this.#machine;
    if (machine === null) return;
    this.#machine = null;
    this.#dropSentinel();
    this.#events.stopping();
    if (how === "kill") await this.#events.down(how);
    await machine.stop(how);
    if (how === "shutdown") await this.#events.down(how);
    this.#tell({ status: "down", message: "Stopped" });
  }

  #tell(change: Parameters<LiveModel["state"]["setMachine"]>[1]): void {
    this.#model.state.setMachine(this.id, change, this.#model.now());
    this.#model.maybeChanged();
  }

  #watch(machine: Machine): void {
    const [program = "", ...args] = machine.command(["cat"], { PATH: AGENT_PATH }, "/");
    const sentinel = spawn(program, args, { stdio: ["pipe", "ignore", "ignore"] });
    sentinel.stdin.on("error", () => {});
    this.#sentinel = sentinel;
    sentinel.once("exit", () => {
      if (this.#sentinel === sentinel) void this.#serially(() => this.#revive(machine));
    });
  }

  /** The machine ends without being asked to (`reboot` typed inside, say): it comes back as a container does. */
  async #revive(machine: Machine): Promise<void> {
    if (this.#machine !== machine) return;
    this.#sentinel = null;
    const how = (await machine.running()) ? "shutdown" : "kill";
    if (how === "shutdown" && (await isUp(machine))) return this.#watch(machine);
    this.#machine = null;
    this.#events.stopping();
    await machine.stop(how);
    await this.#events.down(how);
    this.#tell({ status: "down", message: "Stopped" });
    await this.#boot();
  }

  #dropSentinel(): void {
    const sentinel = this.#sentinel;
    this.#sentinel = null;
    sentinel?.stdin?.end();
  }
}

/** False for a machine whose init is on its way out, or is no longer systemd. */
async function isUp(machine: Machine): Promise<boolean> {
  try {
    const said = await runInMachine(machine, ["/bin/sh", "-c", "systemctl is-system-running || true"]);
    return ["initializing", "starting", "running", "degraded", "maintenance"].includes(said.trim());
  } catch {
    return false;
  }
}
