import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { machineAddress } from "../addresses.ts";
import { awaitBoot } from "../booted.ts";
import { Disks, resolved } from "../disks.ts";
import { entering } from "../enter.ts";
import { hostBootId, readInit, type Init } from "../init.ts";
import type { Disk, Machine, MachineSpec, Network } from "../machine.ts";
import { portOf } from "../network.ts";
import { hostResolver, machineResolver } from "../resolver.ts";
import { stockPath } from "../run.ts";
import { bootScript, unsuitable } from "./boot.ts";
import type { Cgroups } from "./cgroups.ts";
import { hostDevices, lowerRoots, ownPaths, systemd } from "./host.ts";
import { unsuitableDirectory, writeLayers } from "./layers.ts";
import { plug, unplug } from "./plug.ts";
import { until } from "./until.ts";

/** How long a machine may take until its init answers, and to shut down before it is killed (milliseconds). */
const patience = { start: 60_000, shutdown: 30_000 };

/** systemd(1): SIGRTMIN+4 starts poweroff.target. The C library's SIGRTMIN is 34. */
const powerOff = 34 + 4;

/** The process that waits for the machine's init, and ends as that did. */
interface Launched {
  readonly exit: Promise<number | null>;
}

/**
 * A machine made of namespaces. Nothing of it is kept in this object: processes are found by cgroup, the init by the record
 * in the machine's directory, disks by a file there. So any process with the same spec drives the same machine.
 */
export class NamespaceMachine implements Machine {
  readonly id: string;
  readonly address: string;
  readonly instanceId: string;
  private readonly spec: MachineSpec;
  private readonly network: Network;
  private readonly cgroups: Cgroups;
  private readonly disks: Disks;

  constructor(spec: MachineSpec, network: Network, cgroups: Cgroups) {
    this.id = spec.id;
    this.address = machineAddress(spec.model, spec.id);
    this.instanceId = `concourse-${spec.model}-${spec.id}`;
    this.spec = spec;
    this.network = network;
    this.cgroups = cgroups;
    this.disks = new Disks(this.path("disks.json"), spec.disks);
  }

  private path(...below: string[]): string {
    return join(this.spec.directory, ...below);
  }

  private init(): Init | null {
    return readInit(this.path("init"));
  }

  private existingInit(): Init {
    const init = this.init();
    if (init === null) throw new Error(`machine ${this.id} is not running`);
    return init;
  }

  /** @throws UserError when the directory, or the source of a disk, cannot be used. */
  async start(): Promise<void> {
    const settled = new AbortController();
    const signal = AbortSignal.any([settled.signal, AbortSignal.timeout(patience.start)]);
    try {
      // Begun by a process that is gone: it goes on by itself, unless it had only just begun.
      if ((await this.cgroups.populated()) && (await this.comesUp(signal))) return;
      const launched = await this.launch();
      if (!(await this.comesUp(signal))) throw await this.failure(launched);
    } catch (error) {
      await this.stop("kill");
      if (!signal.aborted) throw error;
      throw new Error(`machine ${this.id} did not start within ${patience.start / 1000} s`, { cause: error });
    } finally {
      settled.abort();
    }
  }

  /** False when it ends instead. */
  private comesUp(signal: AbortSignal): Promise<boolean> {
    return Promise.race([this.answers(signal).then(() => true), this.cgroups.emptied(signal).then(() => false)]);
  }

  private async answers(signal: AbortSignal): Promise<void> {
    await until([this.spec.directory], async () => this.init() !== null, signal);
    const runtime = `/proc/${this.existingInit().pid}/root/run/systemd`;
    await until([runtime], async () => existsSync(`${runtime}/private`), signal);
  }

  /** What the boot script said when it ended early. */
  private async failure(launched: Launched): Promise<Error> {
    const said = (await readFile(this.path("console"), "utf8")).trim();
    if ((await launched.exit) === unsuitable) return unsuitableDirectory(this.spec.directory, said);
    return new Error(`machine ${this.id} stopped while starting: ${said}`);
  }

  /** Begins a boot. */
  private async launch(): Promise<Launched> {
    await this.prepare();
    await using console = await open(this.path("console"), "w");
    // It waits for a line on its standard input, so that it does nothing before it is in its cgroup; if we die before
    // that, it meets the end of the file and is gone.
    const script = 'read -r _ && exec unshare --pid --fork -- /bin/bash "$0" </dev/null';
    const child = spawn("/bin/sh", ["-c", script, this.path("boot")], {
      cwd: "/",
      env: { PATH: stockPath },
      stdio: ["pipe", console.fd, console.fd],
      detached: true,
    });
    await once(child, "spawn");
    const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
    await writeFile(join(this.cgroups.unified("monitor"), "cgroup.procs"), String(child.pid));
    // Killed meanwhile by somebody else: that is seen by its cgroup, not here.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end("go\n");
    child.unref();
    return { exit };
  }

  /** Everything on the disk that one boot needs. */
  private async prepare(): Promise<void> {
    const { model, hostname, directory } = this.spec;
    for (const sub of ["root", "upper", "work", "lib", "lib-below"]) await mkdir(this.path(sub), { recursive: true });
    await rm(this.path("init"), { force: true });
    await rm(this.path("upper", "0", "tmp"), { recursive: true, force: true });
    const secret = ownPaths(directory);
    const resolver = machineResolver(this.network, await hostResolver());
    await writeLayers(directory, { instanceId: this.instanceId, hostname, address: this.address, resolver }, secret);
    await this.cgroups.create();
    const script = bootScript({
      directory,
      payloads: this.cgroups.directories("payload"),
      hierarchies: this.cgroups.hierarchies,
      roots: lowerRoots(await readFile("/proc/self/mountinfo", "utf8")),
      devices: await hostDevices(),
      ...portOf(model, this.id),
      disks: await Promise.all((await this.disks.current()).map(resolved)),
      init: systemd,
      bootId: hostBootId(),
    });
    await writeFile(this.path("boot"), script);
  }

  booted(): Promise<void> {
    return awaitBoot(this);
  }

  async running(): Promise<boolean> {
    return this.init() !== null;
  }

  async stop(how: "shutdown" | "kill"): Promise<void> {
    const init = this.init();
    if (how === "shutdown" && init !== null) {
      await this.thaw();
      process.kill(init.pid, powerOff);
      await this.cgroups.emptied(AbortSignal.timeout(patience.shutdown)).catch(() => undefined);
    }
    await this.cgroups.end();
    await rm(this.path("init"), { force: true });
  }

  async freeze(): Promise<void> {
    this.existingInit();
    await this.cgroups.freeze(true);
  }

  async thaw(): Promise<void> {
    this.existingInit();
    await this.cgroups.freeze(false);
  }

  /** @throws UserError when the disk's source does not exist. */
  async attach(disk: Disk): Promise<void> {
    const real = await resolved(disk);
    const init = this.init();
    if (init !== null) {
      await this.pull(init, disk.name);
      await plug(init.pid, real);
    }
    await this.disks.attached(disk);
  }

  async detach(name: string): Promise<void> {
    const init = this.init();
    if (init !== null) await this.pull(init, name);
    await this.disks.detached(name);
  }

  private async pull(init: Init, name: string): Promise<void> {
    const disk = (await this.disks.current()).find((disk) => disk.name === name);
    if (disk !== undefined) await unplug(init.pid, disk.path);
  }

  command(argv: readonly string[], environment: Readonly<Record<string, string>>, cwd: string): string[] {
    const { pid } = this.existingInit();
    const groups = this.cgroups.directories("commands");
    return entering({ pid, groups, user: false }, argv, environment, cwd);
  }

  async destroy(): Promise<void> {
    await this.stop("kill");
    await rm(this.spec.directory, { recursive: true, force: true });
  }
}
