/** What is done to a deployment to see whether it survives, and how its download is watched and steered. */

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { MirrorStatus } from "../../src/model/mirror/mirror.ts";
import type { StatusData } from "../../src/model/state/types.ts";
import { AGENT, APPLICATION, type Concourse } from "./concourse.ts";
import { unitsOf } from "./tool.ts";

/** Waiting for what heals by itself; it bounds a run that hangs and measures nothing. Milliseconds. */
export const PATIENCE = 300_000;
const LOOK_EVERY = 50;
/** Bytes a second while something happens in mid-download, and on the way there. */
const CRAWL = 100_000;
const WALK = 8_000_000;

/** Milliseconds in which buffers bring much more than what crawls in. */
const DRAINED_AFTER = 250;

type Act = "reboot" | "kill" | "stop" | "start" | "freeze" | "thaw";

export class Survivor {
  readonly concourse: Concourse;
  /** Bytes that mirrors of supervisors before this one have sent. */
  #earlier = 0;

  constructor(concourse: Concourse) {
    this.concourse = concourse;
  }

  async machine(act: Act, unit: string): Promise<void> {
    const status = await this.concourse.ask<StatusData>("status");
    await this.concourse.ask("machine", { id: unitsOf(status)[unit]?.machine ?? "", act });
  }

  /** The supervisor dies; the next command starts another one. */
  async killSupervisor(): Promise<void> {
    const { tool } = this.concourse;
    const pid = await tool.supervisor();
    this.#earlier += (await this.#mirror()).bytes;
    process.kill(pid, "SIGKILL");
    await until("the supervisor is gone", async () => !isAlive(pid));
    await tool.ok("status", "-m", tool.model);
  }

  killAgent(unit: string): Promise<string> {
    return this.concourse.inUnit(unit, `systemctl kill --kill-whom=main --signal=KILL ${AGENT}`);
  }

  /** Bytes sent by all mirrors of the model, also in answers that nobody read to their end. */
  async sent(): Promise<number> {
    return this.#earlier + (await this.#mirror()).bytes;
  }

  /** Bytes of the archive that are on the store. */
  async downloaded(): Promise<number> {
    const directory = join(this.concourse.sharedDirectory, "partial");
    const names = await readdir(directory).catch(() => []);
    const sizes = await Promise.all(
      names.map((name) =>
        stat(join(directory, name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    return Math.max(0, ...sizes);
  }

  /** Lets the download go on to a part of the archive, from where it crawls on. */
  async downloadTo(part: number): Promise<void> {
    await this.concourse.throttle(WALK);
    await until(`${part} of the archive downloaded`, async () => {
      return (await this.downloaded()) >= part * this.concourse.archive.size;
    });
    await this.concourse.throttle(CRAWL);
    // What the kernel's buffers hold is lost with the connection, but no fault of whoever goes on.
    await until("the buffers between mirror and store are empty", async () => {
      const before = await this.downloaded();
      await pause(DRAINED_AFTER);
      return (await this.downloaded()) - before < CRAWL;
    });
  }

  /** Waits until bytes reach the store; so many have, then. */
  async goesOn(): Promise<number> {
    const before = await this.downloaded();
    await until("the download goes on", async () => (await this.downloaded()) > before);
    return (await this.downloaded()) - before;
  }

  /** Published releases with the time of their rename: one that is published twice changes it. */
  async releases(): Promise<Record<string, number>> {
    const directory = join(this.concourse.sharedDirectory, "releases");
    const names = await readdir(directory).catch(() => []);
    const times = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).ctimeMs));
    return Object.fromEntries(names.map((name, i) => [name, times[i] ?? 0]));
  }

  /** The first unit, of all or of these, that shows a message like this. */
  async anyUnit(what: string, pattern: RegExp, among?: readonly string[]): Promise<string> {
    let found = "";
    const shows = (status: StatusData): boolean => {
      const candidates = shown(status).filter(([unit]) => among?.includes(unit) ?? true);
      found = candidates.find(([, message]) => pattern.test(message))?.[0] ?? "";
      return found !== "";
    };
    await this.concourse.tool.until(what, shows, PATIENCE);
    return found;
  }

  async units(): Promise<string[]> {
    return shown(await this.concourse.ask<StatusData>("status")).map(([unit]) => unit);
  }

  /**
   * Hooks that failed by themselves. One that died with its agent is an error too, for as long as Juju waits before it runs
   * it again (Juju 3.6, internal/worker/uniter: a hook found pending has failed); but that is no fault of the charm.
   */
  async failures(): Promise<string[]> {
    const log = await this.concourse.tool.ok("debug-log", "-m", this.concourse.tool.model, "--replay", "--no-tail");
    return log.split("\n").filter((line) => /hook ".*" .*failed: exit status/.test(line));
  }

  /** Waits until the unit's message is like this. */
  async shows(unit: string, pattern: RegExp): Promise<string> {
    const message = (status: StatusData): string => unitsOf(status)[unit]?.workload.message ?? "";
    const like = (status: StatusData): boolean => pattern.test(message(status));
    return message(await this.concourse.tool.until(`${unit} shows ${String(pattern)}`, like, PATIENCE));
  }

  ready(): Promise<void> {
    return this.concourse.ready(PATIENCE);
  }

  async #mirror(): Promise<MirrorStatus> {
    return this.concourse.ask<MirrorStatus>("mirror");
  }
}

function shown(status: StatusData): [string, string][] {
  const units = Object.entries(status.applications[APPLICATION]?.units ?? {});
  return units.map(([unit, { workload }]) => [unit, workload.message]);
}

/** Looks until it is so. @throws Error after {@link PATIENCE}. */
export async function until(what: string, met: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!(await met())) {
    if (Date.now() > end) throw new Error(`${what} did not happen in ${PATIENCE} ms`);
    await pause(LOOK_EVERY);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
