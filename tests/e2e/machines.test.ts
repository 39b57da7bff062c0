import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { machineKind } from "../../src/machines/index.ts";
import { linkAddress } from "../../src/machines/addresses.ts";
import type { Disk, Machine, Network } from "../../src/machines/machine.ts";
import { stockPath } from "../../src/machines/run.ts";

/** Real machines of the kind `namespaces`: what the local model relies on, proved on this host. */

const kind = machineKind("namespaces");
const missing = await kind.missing();
if (missing.length > 0 && process.env["CI"] === "true") throw new Error(missing.join(" "));

const model = `t${process.pid.toString(36)}`;
const base = process.getuid?.() === 0 ? mkdtempSync("/var/tmp/concourse-machines-") : "";
const stock = { PATH: stockPath };

/** A host directory of its own for a test. */
function hostDirectory(name: string): string {
  const path = join(base, name);
  mkdirSync(path, { recursive: true });
  return path;
}

function disk(name: string, path: string, readOnly = false): Disk {
  return { name, source: hostDirectory(name), path, readOnly };
}

function handle(id: string, network: Network, disks: readonly Disk[] = []): Promise<Machine> {
  return kind.machine(
    { model, id, hostname: `juju-${model}-${id}`, directory: join(base, "machines", id), disks },
    network,
  );
}

/** Runs a shell script in a machine. */
function inside(machine: Machine, script: string, environment: Readonly<Record<string, string>> = stock) {
  const [file = "", ...args] = machine.command(["/bin/sh", "-c", script], environment, "/");
  const { status, signal, stdout, stderr } = spawnSync(file, args, { encoding: "utf8", timeout: 20_000 });
  return { status, signal, stdout: stdout.trim(), stderr: stderr.trim() };
}

/** The same, in the background; resolves when it has printed its first line. */
async function background(command: readonly string[]): Promise<ChildProcess> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(createInterface({ input: child.stdout }), "line");
  return child;
}

/**
 * What this model has on the host: processes by their cgroup, cgroups, mounts, pins of namespaces. Zombies do not count: where
 * the process that started a machine is gone, it is the host's init that collects them, in its own time.
 */
function traces(): string[] {
  const mine = new RegExp(`concourse-machine/${model}\\b`);
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
    ...globSync(`/sys/fs/cgroup/{,*/}concourse-machine/${model}`),
    ...mounts.filter((line) => line.includes(base) || mine.test(line)),
    ...globSync(`/run/concourse-machine/${model}*`),
  ];
}

const serve = `use IO::Socket::INET; $| = 1;
  my $server = IO::Socket::INET->new(LocalAddr => $ARGV[0], LocalPort => 7000, Listen => 5, ReuseAddr => 1) or die "$!";
  print "listening\\n";
  while (my $client = $server->accept) { print $client "hello from $ARGV[0]\\n"; close $client }`;
const fetch = (address: string) => `bash -c 'exec 3<>/dev/tcp/${address}/7000; cat <&3'`;

describe.skipIf(missing.length > 0)(`machines of namespaces ${missing.join(" ")}`, () => {
  let network: Network;
  let one: Machine;
  let two: Machine;
  const shared = () => disk("shared", "/var/lib/concourse");

  beforeAll(async () => {
    network = await kind.createNetwork({ model });
    [one, two] = await Promise.all(
      ["1", "2"].map((id) => handle(id, network, [shared()])) as [Promise<Machine>, Promise<Machine>],
    );
    await Promise.all([one, two].map((machine) => machine.start().then(() => machine.booted())));
  });

  afterAll(async () => {
    await kind.sweep(model);
    rmSync(base, { recursive: true, force: true });
  });

  test("boot without a failed unit and without the host's services", () => {
    expect(inside(one, "systemctl is-system-running")).toMatchObject({ status: 0, stdout: "running" });
    expect(
      inside(one, "systemctl list-units --plain --no-legend --type=service | cut -d' ' -f1").stdout.split("\n"),
    ).toEqual(["dbus.service", "systemd-journald.service"]);
    expect(inside(one, "hostname; cat /etc/hostname").stdout).toBe(`juju-${model}-1\njuju-${model}-1`);
    expect(inside(one, "cat /etc/machine-id").stdout).not.toBe(inside(two, "cat /etc/machine-id").stdout);
  });

  test("look like a stock server and hide what is the host's own", () => {
    const tools = "systemctl useradd flock ip mount dpkg tar";
    expect(inside(one, `which ${tools} | wc -l`).stdout).toBe(String(tools.split(" ").length));
    expect(inside(one, "find /root /home /tmp -mindepth 1").stdout).toBe("");
    expect(inside(one, `ls ${resolve(import.meta.dirname, "../..")}`).status).not.toBe(0);
    expect(inside(one, `ls ${base}`).status).not.toBe(0);
    expect(inside(one, "stat -c %a /root /tmp").stdout).toBe("700\n1777");
    expect(inside(one, "echo x >/dev/null && head -c 3 /dev/zero | wc -c").stdout).toBe("3");
  });

  test("reach each other and the bridge by TCP, and nothing else", async () => {
    await background(two.command(["perl", "-e", serve, two.address], stock, "/"));
    const server = await background([...network.enter, "--", "perl", "-e", serve, network.address]);
    try {
      expect(inside(one, fetch(two.address)).stdout).toBe(`hello from ${two.address}`);
      expect(inside(one, fetch(network.address)).stdout).toBe(`hello from ${network.address}`);
      expect(inside(one, fetch("198.51.100.1")).stderr).toContain("Network is unreachable");
    } finally {
      server.kill("SIGKILL");
    }
  });

  test("give a command exactly its environment, directory, streams and exit code", () => {
    const environment = { A: "1", JUJU_UNIT_NAME: "app/0", "with space": "a b\n'c' $d" };
    const [file = "", ...args] = one.command(["/usr/bin/env", "-0"], environment, "/usr");
    const { stdout } = spawnSync(file, args, { encoding: "utf8" });
    expect(
      stdout
        .split("\0")
        .filter((line) => line !== "")
        .toSorted(),
    ).toEqual(
      Object.entries(environment)
        .map(([name, value]) => `${name}=${value}`)
        .toSorted(),
    );
    const [shell = "", ...script] = one.command(
      ["/bin/sh", "-c", "pwd; cat; echo oops >&2; exit 42"],
      stock,
      "/var/lib",
    );
    expect(spawnSync(shell, script, { encoding: "utf8", input: "from stdin" })).toMatchObject({
      status: 42,
      stdout: "/var/lib\nfrom stdin",
      stderr: "oops\n",
    });
    for (const signal of ["SIGTERM", "SIGKILL", "SIGPIPE"]) {
      expect(inside(one, `kill -${signal.slice(3)} $$`)).toMatchObject({ status: null, signal });
    }
    expect(inside(one, "exit 143")).toMatchObject({ status: 143, signal: null });
  });

  test("run services: start, restart after a crash, and again after a reboot when enabled", async () => {
    const unit =
      "[Service]\nExecStart=/bin/sleep infinity\nRestart=always\nRestartSec=0\n[Install]\nWantedBy=multi-user.target\n";
    inside(one, `printf '${unit.replaceAll("\n", "\\n")}' >/etc/systemd/system/nap.service`);
    expect(inside(one, "systemctl daemon-reload && systemctl enable --now nap.service")).toMatchObject({ status: 0 });
    const before = inside(one, "systemctl show -P MainPID nap.service").stdout;
    inside(one, `kill -9 ${before}; systemctl start nap.service`);
    expect(inside(one, "systemctl is-active nap.service").stdout).toBe("active");
    expect(inside(one, "systemctl show -P MainPID nap.service").stdout).not.toBe(before);

    inside(one, "echo kept >/etc/kept; echo lost >/tmp/lost; echo lost >/run/lost");
    await one.stop("shutdown");
    expect(await one.running()).toBe(false);
    await one.start();
    await one.booted();
    expect(inside(one, "systemctl is-active nap.service; cat /etc/kept").stdout).toBe("active\nkept");
    expect(inside(one, "ls /tmp/lost /run/lost").stdout).toBe("");
  });

  test("shut down though a command from outside runs in them, which then ends as they do", async () => {
    const hook = await background(one.command(["/bin/sh", "-c", "echo up; sleep 1000; :"], stock, "/"));
    const ended = once(hook, "exit");
    await one.stop("shutdown");
    // Not SIGKILL, which would come from outside once the machine's time to shut down is over.
    expect(await ended).toEqual([null, "SIGTERM"]);
    await one.start();
    await one.booted();
  });

  test("keep their files and addresses when the power cord is pulled", async () => {
    inside(one, "echo kept >/opt/kept && sync");
    const hook = await background(one.command(["/bin/sh", "-c", "echo up; sleep 1000"], stock, "/"));
    const ended = once(hook, "exit");
    await one.stop("kill");
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect(() => one.command(["true"], {}, "/")).toThrow("is not running");
    await one.start();
    expect(inside(one, "cat /opt/kept; ls /run | grep -c lost").stdout).toBe("kept\n0");
    expect(inside(one, "ip -brief address show eth0").stdout).toContain(`${one.address}/`);
  });

  test("exclude each other with flock on a shared disk", async () => {
    const holder = await background(
      two.command(
        ["flock", "-n", "/var/lib/concourse/.install.lock", "sh", "-c", "echo locked; sleep 1000"],
        stock,
        "/",
      ),
    );
    const tryLock = "flock -n /var/lib/concourse/.install.lock true";
    expect(inside(one, tryLock).status).toBe(1);
    const released = once(holder, "exit");
    await two.stop("kill");
    await released;
    expect(inside(one, tryLock).status).toBe(0);
    await two.start();
    await two.booted();
  });

  test("plug disks in and out while running, and keep them over a reboot", async () => {
    const extra = disk("extra", "/srv/deep/extra");
    writeFileSync(join(extra.source, "file"), "on the disk");
    const mountLine = () => inside(one, "grep ' /srv/deep/extra ' /proc/self/mountinfo").stdout;

    await one.attach(extra);
    expect(mountLine()).toMatch(/ rw,nosuid,nodev/);
    const reader = await background(
      one.command(["sh", "-c", "exec 3</srv/deep/extra/file; echo open; sleep 1000"], stock, "/"),
    );
    await one.detach("extra");
    expect(mountLine()).toBe("");
    expect(inside(one, "ls -A /srv/deep/extra").stdout).toBe("");
    expect(reader.exitCode).toBe(null);

    await one.attach({ ...extra, readOnly: true });
    await one.attach({ ...extra, readOnly: true });
    expect(mountLine()).toMatch(/^[^\n]* ro,nosuid,nodev[^\n]*$/);
    expect(inside(one, "echo x >/srv/deep/extra/new").stderr).toContain("Read-only file system");

    await one.stop("kill");
    await one.start();
    expect(mountLine()).toMatch(/ ro,nosuid,nodev/);
    await one.detach("extra");
    await one.detach("shared");
    await one.stop("kill");
    await one.start();
    expect(mountLine()).toBe("");
    expect(inside(one, "grep -c ' /var/lib/concourse ' /proc/self/mountinfo").stdout).toBe("0");
    await one.attach(shared());
    expect(inside(one, "grep -c ' /var/lib/concourse ' /proc/self/mountinfo").stdout).toBe("1");
  });

  test("show a disk that is plugged in also to services with mounts of their own", async () => {
    const late = disk("late", "/srv/late");
    writeFileSync(join(late.source, "file"), "late");
    expect(inside(one, "systemd-run --unit=walled -p PrivateTmp=yes sleep 1000").status).toBe(0);
    await one.attach(late);
    const pid = inside(one, "systemctl show -P MainPID walled").stdout;
    expect(inside(one, `cat /proc/${pid}/root/srv/late/file`).stdout).toBe("late");
    await one.detach("late");
  });

  test("stop when frozen and go on when thawed", async () => {
    const counter = "while :; do i=$((i+1)); echo $i >/var/lib/concourse/count; echo $i; sleep 0.01; done";
    await background(one.command(["sh", "-c", counter], stock, "/"));
    const count = () => readFileSync(join(base, "shared", "count"), "utf8");
    await one.freeze();
    const frozen = count();
    await pause(200);
    expect(count()).toBe(frozen);
    await one.thaw();
    await expect.poll(count).not.toBe(frozen);
    await one.freeze();
    await one.stop("kill");
    expect(await one.running()).toBe(false);
    await one.start();
  });

  test("are found running by another process, and a stale record is not believed", async () => {
    const again = await handle("1", network, [shared()]);
    expect(await again.running()).toBe(true);
    const before = inside(one, "cat /proc/sys/kernel/random/boot_id; stat -c %i /proc/1/ns/pid").stdout;
    await again.start();
    expect(inside(again, "cat /proc/sys/kernel/random/boot_id; stat -c %i /proc/1/ns/pid").stdout).toBe(before);

    const stale = await handle("7", network);
    mkdirSync(join(base, "machines", "7"), { recursive: true });
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8");
    writeFileSync(join(base, "machines", "7", "init"), `${process.pid} 1 ${bootId}`);
    expect(await stale.running()).toBe(false);
    await stale.destroy();
  });

  test("carry overlays in the worker's directory, as containerd makes them", () => {
    const script = `cd /var/lib/concourse-worker && mkdir -p lower upper work merged && echo low >lower/file &&
      mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged && cat merged/file && umount merged`;
    expect(inside(one, script)).toMatchObject({ status: 0, stdout: "low" });
  });

  test("refuse a directory that cannot hold a machine, and a disk that is not there, with a next step", async () => {
    const directory = hostDirectory("overlaid");
    for (const sub of ["lower", "upper", "work", "merged"]) mkdirSync(join(directory, sub));
    const options = `lowerdir=${directory}/lower,upperdir=${directory}/upper,workdir=${directory}/work`;
    expect(spawnSync("mount", ["-t", "overlay", "-o", options, "overlay", `${directory}/merged`]).status).toBe(0);
    try {
      const spec = {
        model,
        id: "8",
        hostname: "eight",
        directory: join(directory, "merged", "machines", "8"),
        disks: [],
      };
      const onOverlay = await kind.machine(spec, network);
      await expect(onOverlay.start()).rejects.toThrow(UserError);
      await expect(onOverlay.start()).rejects.toThrow("CONCOURSE_MACHINE_DATA");
      await onOverlay.destroy();
    } finally {
      spawnSync("umount", [`${directory}/merged`]);
    }
    const nowhere = { name: "gone", source: join(base, "not there"), path: "/srv/gone", readOnly: false };
    const withoutDisk = await handle("9", network, [nowhere]);
    await expect(withoutDisk.start()).rejects.toThrow(UserError);
    await expect(one.attach(nowhere)).rejects.toThrow("disk gone does not exist");
    await withoutDisk.destroy();
  });

  test("survive the death of who starts them, at any moment", async () => {
    const program = `
      const { machineKind } = await import(${JSON.stringify(resolve(import.meta.dirname, "../../src/machines/index.ts"))});
      const kind = machineKind("namespaces");
      const [model, base, id] = process.argv.slice(1);
      const network = await kind.createNetwork({ model });
      const machine = await kind.machine({ model, id, hostname: "crashed", directory: base + "/machines/" + id, disks: [] }, network);
      console.log("starting");
      await machine.start();
      console.log("started");
      setInterval(() => {}, 1000);`;
    for (const [index, delay] of [0, 15, 40, 80, 120, 180, 250].entries()) {
      const id = String(20 + index);
      const starter = await background([process.execPath, "--input-type=module", "-e", program, model, base, id]);
      await pause(delay);
      starter.kill("SIGKILL");
      const machine = await handle(id, network);
      await machine.start();
      expect(inside(machine, "hostname").status).toBe(0);
      await machine.booted();
      await machine.destroy();
      expect(existsSync(join(base, "machines", id))).toBe(false);
    }
  });

  test("leave the bridge its address as they come and go", async () => {
    const script = "cat /sys/class/net/concourse0/address; ls /sys/class/net/concourse0/brif";
    const seen = () => {
      const { stdout } = spawnSync(
        network.enter[0]!,
        [...network.enter.slice(1), "unshare", "--mount", "sh", "-c", `mount -t sysfs sysfs /sys && ${script}`],
        { encoding: "utf8" },
      );
      const [address, ...ports] = stdout.trim().split("\n");
      return { address, ports };
    };
    const zero = await handle("0", network);
    const before = seen();
    await zero.start();
    const during = seen();
    await zero.destroy();
    expect(during.ports).toEqual(["machine0", ...before.ports]);
    const own = linkAddress(network.address);
    expect([before, during, seen()].map(({ address }) => address)).toEqual([own, own, own]);
  });

  test("leave nothing behind, whatever state they were in", async () => {
    const three = await handle("3", network);
    await three.start();
    await three.freeze();
    const unfinished = await handle("4", network);
    const starting = unfinished.start().catch((error: unknown) => error);
    await pause(30);
    await kind.sweep(model);
    await starting;
    await kind.sweep(model);
    await expect.poll(traces).toEqual([]);
    for (const machine of [one, two, three, unfinished]) await machine.destroy();
    for (const machine of [one, two]) await machine.destroy();
    expect(globSync(join(base, "machines", "*"))).toEqual([]);
    await expect.poll(traces).toEqual([]);
  });
});
