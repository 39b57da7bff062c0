/** Real containers on one shared directory: plugged in late, unplugged, exchanged, and their machines lost in mid-download. */

import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connected } from "../../src/machines/containers/connect.ts";
import { Instance, type Device } from "../../src/machines/containers/instance.ts";
import { incus } from "../../src/machines/containers/flavour.ts";
import { AGENT, APPLICATION, deployConcourse, MOUNT_POINT, WORKER, type Concourse } from "./concourse.ts";
import { expectToHeal, table, type Figure } from "./faults.ts";
import { PATIENCE, Survivor, until } from "./survival.ts";
import { Tool } from "./tool.ts";

const NO_MOUNT = /^(waiting|blocked) Waiting for shared storage mount/;
const READY = /^active (Web server|Worker) ready/;
/** Bytes a second: a download that lasts for as long as it is looked at. */
const CRAWL = 200_000;

let tool: Tool;
let concourse: Concourse;
let survivor: Survivor;
const figures: Figure[] = [];

/** Registers the tests, which run in this order on one deployment of three units. */
export function storeOutlivesItsMachines(): void {
  beforeAll(async () => {
    tool = await Tool.create("incus-store");
    concourse = await deployConcourse(tool, { machines: "incus", units: 3, storage: "later", throttle: CRAWL });
    survivor = new Survivor(concourse);
  });
  afterAll(async () => {
    process.stdout.write(table(figures));
    await tool.remove();
  });

  test("a disk that is plugged in once the units are up: installation begins within 3 s", async () => {
    await tool.until("all units waiting", (status) => {
      const units = Object.values(status.applications[APPLICATION]?.units ?? {});
      return (
        units.length === 3 &&
        units.every(({ workload, agent }) => {
          return NO_MOUNT.test(`${workload.current} ${workload.message}`) && agent.current === "idle";
        })
      );
    });
    await concourse.attach();
    const appeared = Date.now();
    await survivor.anyUnit("a unit downloads", /^Downloading/);
    const ms = (await downloadBegan()) - appeared;
    process.stdout.write(`The download began ${ms} ms after the disk appeared\n`);
    expect(ms).toBeLessThanOrEqual(3000);
  });

  test("unplugged in mid-download: the lock is given up, and nothing is written where the mount was", async () => {
    await survivor.downloadTo(0.2);
    const leader = await concourse.leader();
    expect(lockIsFree()).toBe(false);
    await concourse.detach();
    await until("the lock is given up", async () => lockIsFree());
    await survivor.shows(leader, /^Waiting for shared storage mount/);
    for (const unit of await survivor.units()) expect(await belowTheMount(unit)).toBe("");
    await concourse.attach();
    expect(await survivor.goesOn()).toBeGreaterThan(0);
  });

  test("the leader frozen in mid-download: nobody else enters, it is named, and thawed it goes on", async () => {
    await survivor.downloadTo(0.3);
    const leader = await concourse.leader();
    const [other = ""] = (await survivor.units()).filter((unit) => unit !== leader);
    await survivor.machine("freeze", leader);
    const before = (await concourse.requests()).length;
    await survivor.killAgent(other);
    await until("its agent is back", async () => (await concourse.mainPid(other, AGENT)) > 0);
    const said = await concourse.act(other, "storage-status");
    const [free, after] = [lockIsFree(), (await concourse.requests()).length];
    await survivor.machine("thaw", leader);
    expect(said).toMatch(new RegExp(`by \\S*${leader.replace("/", "-")}`));
    expect([free, after]).toEqual([false, before]);
    expect(await survivor.goesOn()).toBeGreaterThan(0);
  });

  test("the leader killed in mid-download: another unit finishes, and one release is published", async () => {
    await survivor.downloadTo(0.5);
    const first = await concourse.leader();
    const others = (await survivor.units()).filter((unit) => unit !== first);
    await survivor.machine("kill", first);
    expect(lockIsFree()).toBe(true);
    const second = await survivor.anyUnit("another unit downloads", /^Downloading/, others);
    expect(await concourse.leader()).toBe(second);
    await concourse.throttle(null);
    await until("it is published", async () => Object.keys(await survivor.releases()).length === 1);
    await survivor.machine("start", first);
    await survivor.ready();
    expect(Object.keys(await survivor.releases())).toHaveLength(1);
    expect(await survivor.sent()).toBeLessThanOrEqual(1.1 * concourse.archive.size);
    expect(await survivor.failures()).toEqual([]);
  });

  test("everybody sees the same owners and modes, and so does the host", async () => {
    const list = "find . -printf '%p %U:%G %m\\n' | grep -v ./worker/ | sort";
    const host = spawnSync("sh", ["-c", list], { cwd: concourse.sharedDirectory, encoding: "utf8" }).stdout;
    expect(host).toContain("/bin/concourse 0:0 555\n");
    for (const unit of await survivor.units()) {
      expect((await concourse.inUnit(unit, `cd ${MOUNT_POINT} && ${list}`)).trim()).toBe(host.trim());
      // Root of a unit is nobody in particular on the host.
      expect(await concourse.inUnit(unit, "cat /proc/self/uid_map")).not.toMatch(/^ *0 +0 /);
    }
  });

  test("unplugged and plugged in again while services run: none of them notices", async () => {
    const { web } = await concourse.roles();
    const left: string[] = [];
    await expectToHeal(concourse, figures, {
      name: "disk unplugged",
      unit: web,
      cause: () => concourse.detach(),
      shows: NO_MOUNT,
      remedy: async () => {
        for (const unit of await survivor.units()) left.push(await belowTheMount(unit));
        await concourse.attach();
      },
      heals: READY,
    });
    expect(left).toEqual(["", "", ""]);
    await concourse.ready();
  });

  test("another store plugged in: blocked until it is adopted", async () => {
    const leader = await concourse.leader();
    const other = join(tool.directory, "other");
    const id = randomUUID();
    mkdirSync(other, { mode: 0o755 });
    writeFileSync(join(other, ".lxc_shared_storage"), "");
    const own = JSON.parse(readFileSync(join(concourse.sharedDirectory, "store.json"), "utf8")) as object;
    writeFileSync(join(other, "store.json"), JSON.stringify({ ...own, id }));
    await concourse.detach();
    await concourse.untilStatus(leader, NO_MOUNT);
    const disk = { name: "concourse", source: other, path: MOUNT_POINT, readOnly: false };
    await concourse.ask("attach-disk", { application: APPLICATION, disk });
    await concourse.untilStatus(leader, /^blocked Another store is mounted at .*adopt-store/);
    await concourse.act(leader, "adopt-store");
    await concourse.ready(PATIENCE);
    expect(await concourse.act(leader, "storage-status")).toContain(id);
    expect(await survivor.failures()).toEqual([]);
  });
}

/** The leader's own disk is read-only, as an operator plugs it in: another unit fetches for all. */
export function readOnlyLeaderIsServed(): void {
  test("the leader mounted read-only: another unit fetches", async () => {
    const mine = await Tool.create("incus-read-only");
    try {
      const deployed = await deployConcourse(mine, { machines: "incus", units: 3, storage: "later" });
      await mine.until("all units waiting", (status) => {
        const units = Object.values(status.applications[APPLICATION]?.units ?? {});
        return units.length === 3 && units.every(({ workload }) => /shared storage/.test(workload.message));
      });
      const leader = await deployed.leader();
      for (const unit of await deployed.units()) {
        const device = { type: "disk", source: deployed.sharedDirectory, path: MOUNT_POINT, shift: "true" };
        await plug(mine, unit, { ...device, readonly: String(unit === leader) });
      }
      await deployed.ready(PATIENCE);
      const release = await deployed.release(leader);
      expect(await deployed.inUnit(leader, `touch ${MOUNT_POINT}/x 2>&1 || echo refused`)).toContain("refused");
      for (const unit of await deployed.units()) expect(await deployed.release(unit)).toBe(release);
      expect(await deployed.mainPid(leader, WORKER)).toBeGreaterThanOrEqual(0);
      expect(await deployed.releaseBytes()).toBeLessThanOrEqual(1.1 * deployed.archive.size);
    } finally {
      await mine.remove();
    }
  });
}

async function plug(own: Tool, unit: string, device: Device): Promise<void> {
  const status = JSON.parse(await own.ok("status", "-m", own.model, "--format", "json")) as {
    machines: Record<string, { "instance-id": string }>;
    applications: Record<string, { units: Record<string, { machine: string }> }>;
  };
  const machine = status.applications[APPLICATION]?.units[unit]?.machine ?? "";
  const instance = new Instance(await connected(incus), status.machines[machine]?.["instance-id"] ?? "");
  const described = await instance.describe();
  await instance.setDevices({ ...described?.devices, concourse: device });
}

/** When its first bytes came: a hook that is under way does not hold up the agent, but the status that it tells. */
async function downloadBegan(): Promise<number> {
  const partial = join(concourse.sharedDirectory, "partial");
  const names = (await readdir(partial)).filter((name) => /^[0-9a-f]{64}\./.test(name));
  const born = await Promise.all(names.map(async (name) => (await stat(join(partial, name))).birthtimeMs));
  return Math.round(Math.min(...born));
}

function lockIsFree(): boolean {
  return spawnSync("flock", ["--nonblock", join(concourse.sharedDirectory, ".install.lock"), "true"]).status === 0;
}

/** What lies in the directory on which the disk is mounted, when it is not. Incus removes it with the mount if it made it. */
async function belowTheMount(unit: string): Promise<string> {
  const look = `mountpoint -q ${MOUNT_POINT} && echo mounted; ls --almost-all ${MOUNT_POINT} 2>/dev/null || true`;
  return (await concourse.inUnit(unit, look)).trim();
}
