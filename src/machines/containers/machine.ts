import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { awaitBoot } from "../booted.ts";
import { Disks, resolved } from "../disks.ts";
import { entering } from "../enter.ts";
import type { Hierarchy } from "../hierarchies.ts";
import { readInit, writeInit, type Init } from "../init.ts";
import type { Disk, Machine, MachineSpec, Network } from "../machine.ts";
import { portOf, portScript } from "../network.ts";
import { hostResolver, machineResolver } from "../resolver.ts";
import { run, stockPath } from "../run.ts";
import { DaemonError, type Daemon } from "./daemon.ts";
import type { Flavour } from "./flavour.ts";
import { payloadGroups } from "./groups.ts";
import { Instance, type Devices } from "./instance.ts";
import { splitGroupsScript } from "./split-groups.ts";
import { cannotShift, refusesShift } from "./shifting.ts";

/** How long a machine's init may take to answer (milliseconds), and how often it is looked at. */
const patience = 60_000;
const lookEvery = 20;

/** Key of an instance's configuration that says whose it is. */
export const modelKey = "user.concourse-machine.model";

/**
 * A machine that is a container of Incus or LXD. What it is and which disks it has, the daemon knows; its init is recorded in
 * the machine's directory, so that a command enters it without asking the daemon.
 */
export class ContainerMachine implements Machine {
  readonly id: string;
  readonly address: string;
  readonly instanceId: string;
  private readonly flavour: Flavour;
  private readonly spec: MachineSpec;
  private readonly network: Network;
  private readonly instance: Instance;
  private readonly hierarchies: readonly Hierarchy[];
  private readonly disks: Disks;

  constructor(
    flavour: Flavour,
    daemon: Daemon,
    spec: MachineSpec,
    network: Network,
    hierarchies: readonly Hierarchy[],
  ) {
    this.id = spec.id;
    this.address = portOf(spec.model, spec.id).address;
    // As Juju does: the instance is called like the host that it is.
    this.instanceId = spec.hostname;
    this.flavour = flavour;
    this.spec = spec;
    this.network = network;
    this.instance = new Instance(daemon, spec.hostname);
    this.hierarchies = hierarchies;
    this.disks = new Disks(join(spec.directory, "disks.json"), spec.disks);
  }

  private get initFile(): string {
    return join(this.spec.directory, "init");
  }

  private init(): Init | null {
    return readInit(this.initFile);
  }

  /** @throws UserError when the source of a disk, or the image, cannot be used. */
  async start(): Promise<void> {
    await mkdir(this.spec.directory, { recursive: true });
    await this.instance.undisturbed(() => this.bringUp());
    const pid = await this.instance.pid();
    if (pid === null) throw new Error(`machine ${this.id} stopped while starting`);
    await this.plugIn(pid);
    await this.answers(pid);
    writeInit(this.initFile, pid);
    const groups = splitGroupsScript(this.hierarchies);
    if (groups !== null) await this.inside(["sh", "-c", groups]);
    // A link belongs to a resolver of the machine's own, which networkd has told.
    const resolver = machineResolver(this.network, await hostResolver());
    await this.inside(["sh", "-c", '[ -L /etc/resolv.conf ] || printf %s "$0" >/etc/resolv.conf', resolver]);
    await this.harden(await this.disks.current());
  }

  /** From whatever state a starter that is gone has left it in. */
  private async bringUp(): Promise<void> {
    const { model, image } = this.spec;
    if ((await this.instance.describe()) === null) await this.instance.create(image, { [modelKey]: model });
    if ((await this.instance.describe())?.status !== "Stopped") return;
    await this.configure();
    const disks = await Promise.all((await this.disks.current()).map(resolved));
    await this.shifting(() => this.instance.setDevices(devices(disks)));
    await this.shifting(() => this.instance.act("start"));
  }

  private async configure(): Promise<void> {
    const { model, hostname } = this.spec;
    const { address, prefixLength, gateway } = portOf(model, this.id);
    const { search } = await hostResolver();
    const names = this.network.reach === "inside" ? "" : `DNS=${gateway}\nDomains=${search.join(" ")}\n`;
    const files = {
      "/etc/hostname": `${hostname}\n`,
      "/etc/hosts": `127.0.0.1 localhost\n${address} ${hostname}\n::1 localhost ip6-localhost ip6-loopback\n`,
      // The first of all, so that networkd asks nobody for an address, and leaves the one that the port comes with.
      "/etc/systemd/network/05-concourse-machine.network": `[Match]
Name=eth0
[Network]
Address=${address}/${prefixLength}
Gateway=${gateway}
LinkLocalAddressing=no
IPv6AcceptRA=no
${names}`,
    };
    for (const [path, text] of Object.entries(files)) await this.instance.write(this.flavour.header, path, text);
  }

  /** From outside: the daemon knows nothing of the model's network, and makes none of its own on the host. */
  private async plugIn(pid: number): Promise<void> {
    const script = `set -e; ip link show dev eth0 >/dev/null 2>&1 && exit 0
${portScript(portOf(this.spec.model, this.id))}`;
    await run("nsenter", [`--net=/proc/${pid}/ns/net`, "--", "sh", "-c", script]);
  }

  /** Waits for systemd's own socket. That the directory which holds it is mounted over, nobody would tell us. */
  private async answers(pid: number): Promise<void> {
    const end = Date.now() + patience;
    while (!existsSync(`/proc/${pid}/root/run/systemd/private`)) {
      if (!existsSync(`/proc/${pid}`)) throw new Error(`machine ${this.id} stopped while starting`);
      if (Date.now() > end) throw new Error(`machine ${this.id} did not start within ${patience / 1000} s`);
      await pause(lookEvery);
    }
  }

  booted(): Promise<void> {
    return awaitBoot(this);
  }

  async running(): Promise<boolean> {
    return this.init() !== null;
  }

  async stop(how: "shutdown" | "kill"): Promise<void> {
    await this.instance.settled();
    if (how === "shutdown") await this.shutDown();
    await this.instance.halt();
    await rm(this.initFile, { force: true });
  }

  private async shutDown(): Promise<void> {
    const status = (await this.instance.describe())?.status;
    if (status === "Frozen") await this.instance.act("unfreeze");
    if (status !== "Running" && status !== "Frozen") return;
    // One that does not come to its end is killed.
    await this.instance.act("stop").catch((error: unknown) => {
      if (!(error instanceof DaemonError)) throw error;
    });
  }

  async freeze(): Promise<void> {
    await this.instance.act("freeze");
  }

  async thaw(): Promise<void> {
    await this.instance.act("unfreeze");
  }

  /** @throws UserError when the disk's source does not exist, or the daemon cannot show it to a machine. */
  async attach(disk: Disk): Promise<void> {
    const real = await resolved(disk);
    await this.shifting(() => this.change((before) => ({ ...before, ...devices([real]) })));
    await this.disks.attached(disk);
    await this.harden([disk]);
  }

  /**
   * No setuid programs and no devices from a disk of the host. The device's own `raw.mount.options` is not for directories:
   * Incus 6.0.4 takes `nosuid,nodev` there and leaves the mount without. So it is done inside, by the machine's own root.
   */
  private async harden(disks: readonly Disk[]): Promise<void> {
    if (this.init() === null) return;
    for (const { path, readOnly } of disks) {
      const options = `remount,bind,nosuid,nodev${readOnly ? ",ro" : ""}`;
      await this.inside(["mount", "-o", options, path]);
    }
  }

  private async inside(argv: readonly string[]): Promise<void> {
    const [program = "", ...args] = this.command(argv, { PATH: stockPath }, "/");
    await run(program, args);
  }

  async detach(name: string): Promise<void> {
    await this.change((before) => Object.fromEntries(Object.entries(before).filter(([other]) => other !== name)));
    await this.disks.detached(name);
  }

  private async change(next: (before: Devices) => Devices): Promise<void> {
    const described = await this.instance.describe();
    if (described !== null) await this.instance.setDevices(next(described.devices));
  }

  /** Daemons find out what their kernel cannot do only when it is asked for. */
  private async shifting(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (refusesShift(error)) throw cannotShift(this.flavour);
      throw error;
    }
  }

  command(argv: readonly string[], environment: Readonly<Record<string, string>>, cwd: string): string[] {
    const init = this.init();
    if (init === null) throw new Error(`machine ${this.id} is not running`);
    const groups = payloadGroups(this.hierarchies, readFileSync(`/proc/${init.pid}/cgroup`, "utf8"));
    for (const group of groups) mkdirSync(group, { recursive: true });
    return entering({ pid: init.pid, groups, user: true }, argv, environment, cwd);
  }

  async destroy(): Promise<void> {
    await this.instance.remove();
    await rm(this.spec.directory, { recursive: true, force: true });
  }
}

/** Disks as the daemon attaches them: with the owners they have on the host, at once where the machine runs. */
function devices(disks: readonly Disk[]): Devices {
  return Object.fromEntries(
    disks.map(({ name, source, path, readOnly }) => [
      name,
      { type: "disk", source, path, shift: "true", readonly: String(readOnly) },
    ]),
  );
}
