import { setTimeout as pause } from "node:timers/promises";
import { DaemonError, type Daemon } from "./daemon.ts";

/** A device of an instance (Incus 6.0, doc/reference/devices.md); all values are texts. */
export type Device = Readonly<Record<string, string>>;
export type Devices = Readonly<Record<string, Device>>;

interface Described {
  readonly status: "Running" | "Stopped" | "Frozen" | "Error";
  readonly config: Readonly<Record<string, string>>;
  readonly devices: Devices;
}

interface Running {
  readonly metadata?: unknown;
  readonly class: string;
  readonly id: string;
  readonly resources: Readonly<Record<string, readonly string[]>> | null;
}

/** Seconds that the daemon gives a machine to shut down. */
const shutdownSeconds = 30;

/** What the daemon says to somebody who comes second (Incus 6.0, internal/server/instance: operationlock, drivers). */
const disturbed = /is busy running|already exists|is already running/;

/** One instance of the daemon, by name. It may not exist. */
export class Instance {
  readonly name: string;
  private readonly daemon: Daemon;
  private readonly path: string;

  constructor(daemon: Daemon, name: string) {
    this.daemon = daemon;
    this.name = name;
    this.path = `/1.0/instances/${name}`;
  }

  /** Waits for what was begun, by this process or by one that is gone: until then the daemon refuses everything else. */
  async settled(): Promise<void> {
    const all = await this.daemon.get<Readonly<Record<string, readonly Running[]>>>("/1.0/operations?recursion=1");
    const ours = (all["running"] ?? []).filter(
      ({ class: kind, resources }) =>
        kind === "task" && Object.values(resources ?? {}).some((paths) => paths.some((path) => this.is(path))),
    );
    // Whether it went well is for who began it; here it is enough that it ended.
    await Promise.allSettled(ours.map(({ id }) => this.daemon.finished(`/1.0/operations/${id}`)));
  }

  /**
   * Does `work` once nothing is under way, and again should it meet something that was: a request of a process that is gone
   * may reach the daemon after everything else was seen to have ended.
   */
  async undisturbed(work: () => Promise<void>): Promise<void> {
    for (let rounds = 50; ; rounds--) {
      await this.settled();
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof DaemonError) || !disturbed.test(error.message) || rounds === 0) throw error;
        await pause(100);
      }
    }
  }

  private is(path: string): boolean {
    return path === this.path || path.startsWith(`${this.path}?`);
  }

  describe(): Promise<Described | null> {
    return this.daemon.find<Described>(this.path);
  }

  /** Its init, as the host numbers it; null while it is down. */
  async pid(): Promise<number | null> {
    const state = await this.daemon.find<{ readonly pid: number }>(`${this.path}/state`);
    return state === null || state.pid <= 0 ? null : state.pid;
  }

  /** Makes it from an image of the project, with the project's default profile. */
  async create(image: string, config: Readonly<Record<string, string>>): Promise<void> {
    const source = { type: "image", alias: image };
    const json = { name: this.name, type: "container", source, config, profiles: ["default"] };
    await this.daemon.change("POST", "/1.0/instances", { json });
  }

  /** Writes a text file of root's into it, also while it is down. `header` as the flavour has it. */
  async write(header: string, path: string, text: string): Promise<void> {
    const headers = { type: "file", mode: "0644", uid: "0", gid: "0" };
    await this.daemon.change(
      "POST",
      `${this.path}/files?path=${encodeURIComponent(path)}`,
      { text },
      {
        "Content-Type": "application/octet-stream",
        ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [`${header}-${name}`, value])),
      },
    );
  }

  async act(action: "start" | "stop" | "freeze" | "unfreeze", force = false): Promise<void> {
    const json = { action, force, timeout: action === "stop" && !force ? shutdownSeconds : -1 };
    await this.daemon.change("PUT", `${this.path}/state`, { json });
  }

  /** All devices but those of the profile. */
  async setDevices(devices: Devices): Promise<void> {
    const described = await this.describe();
    await this.daemon.change("PUT", this.path, { json: { ...described, devices } });
  }

  /** Stops it like the power cord, and removes it. Idempotent. */
  async remove(): Promise<void> {
    await this.settled();
    for (let rounds = 50; ; rounds--) {
      await this.halt();
      try {
        await this.daemon.change("DELETE", this.path);
        return;
      } catch (error) {
        if (!(error instanceof DaemonError)) throw error;
        if (error.code === 404) return;
        // After a start that failed the daemon says both for a moment: that it is stopped, and that it is running.
        if (rounds === 0 || !/is running/.test(error.message)) throw error;
        await pause(100);
      }
    }
  }

  /** Ends it at once, whatever it is doing. Idempotent. */
  async halt(): Promise<void> {
    const status = (await this.describe())?.status;
    if (status !== undefined && status !== "Stopped") await this.act("stop", true);
  }
}

/** Names of all instances of the project. */
export async function instanceNames(daemon: Daemon): Promise<string[]> {
  const paths = (await daemon.find<readonly string[]>("/1.0/instances")) ?? [];
  return paths.map((path) => path.replace(/^.*\/|\?.*$/g, ""));
}
