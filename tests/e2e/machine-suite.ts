/** What the local model relies on, whatever the kind of its machines: proved on this host. */

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { linkAddress } from "../../src/machines/addresses.ts";
import { hostHierarchies, mountName } from "../../src/machines/hierarchies.ts";
import { background, inside, stock, type MachineBench } from "./machine-bench.ts";

const serve = `use IO::Socket::INET; $| = 1;
  my $server = IO::Socket::INET->new(LocalAddr => $ARGV[0], LocalPort => 7000, Listen => 5, ReuseAddr => 1) or die "$!";
  print "listening\\n";
  while (my $client = $server->accept) { print $client "hello from $ARGV[0]\\n"; close $client }`;
const fetch = (address: string) => `bash -c 'exec 3<>/dev/tcp/${address}/7000; cat <&3'`;

/** Registers the tests. They run in this order on the machines of one bench; the last one takes everything down. */
export function machinesHold(bench: MachineBench): void {
  test("reach each other and the bridge by TCP, and nothing else", async () => {
    await background(bench.two.command(["perl", "-e", serve, bench.two.address], stock, "/"));
    const server = await background([...bench.network.enter, "--", "perl", "-e", serve, bench.network.address]);
    try {
      expect(inside(bench.one, fetch(bench.two.address)).stdout).toBe(`hello from ${bench.two.address}`);
      expect(inside(bench.one, fetch(bench.network.address)).stdout).toBe(`hello from ${bench.network.address}`);
      expect(inside(bench.one, fetch("198.51.100.1")).stderr).toContain("Network is unreachable");
    } finally {
      server.kill("SIGKILL");
    }
  });

  test("give a command exactly its environment, directory, streams and exit code", () => {
    const environment = { A: "1", JUJU_UNIT_NAME: "app/0", "with space": "a b\n'c' $d" };
    const [file = "", ...args] = bench.one.command(["/usr/bin/env", "-0"], environment, "/usr");
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
    const [shell = "", ...script] = bench.one.command(
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
      expect(inside(bench.one, `kill -${signal.slice(3)} $$`)).toMatchObject({ status: null, signal });
    }
    expect(inside(bench.one, "exit 143")).toMatchObject({ status: 143, signal: null });
  });

  test("run services: start, restart after a crash, and again after a reboot when enabled", async () => {
    const unit =
      "[Service]\nExecStart=/bin/sleep infinity\nRestart=always\nRestartSec=0\n[Install]\nWantedBy=multi-user.target\n";
    inside(bench.one, `printf '${unit.replaceAll("\n", "\\n")}' >/etc/systemd/system/nap.service`);
    expect(inside(bench.one, "systemctl daemon-reload && systemctl enable --now nap.service")).toMatchObject({
      status: 0,
    });
    const before = inside(bench.one, "systemctl show -P MainPID nap.service").stdout;
    inside(bench.one, `kill -9 ${before}; systemctl start nap.service`);
    expect(inside(bench.one, "systemctl is-active nap.service").stdout).toBe("active");
    expect(inside(bench.one, "systemctl show -P MainPID nap.service").stdout).not.toBe(before);

    inside(bench.one, "echo kept >/etc/kept; echo lost >/tmp/lost; echo lost >/run/lost");
    await bench.one.stop("shutdown");
    expect(await bench.one.running()).toBe(false);
    await bench.one.start();
    await bench.one.booted();
    expect(inside(bench.one, "systemctl is-active nap.service; cat /etc/kept").stdout).toBe("active\nkept");
    expect(inside(bench.one, "ls /tmp/lost /run/lost").stdout).toBe("");
  });

  test("shut down though a command from outside runs in them, which then ends as they do", async () => {
    const hook = await background(bench.one.command(["/bin/sh", "-c", "echo up; sleep 1000; :"], stock, "/"));
    const ended = once(hook, "exit");
    await bench.one.stop("shutdown");
    // Not SIGKILL, which would come from outside once the machine's time to shut down is over.
    expect(await ended).toEqual([null, "SIGTERM"]);
    await bench.one.start();
    await bench.one.booted();
  });

  test("keep their files and addresses when the power cord is pulled", async () => {
    inside(bench.one, "echo kept >/opt/kept && sync");
    const hook = await background(bench.one.command(["/bin/sh", "-c", "echo up; sleep 1000"], stock, "/"));
    const ended = once(hook, "exit");
    await bench.one.stop("kill");
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect(() => bench.one.command(["true"], {}, "/")).toThrow("is not running");
    await bench.one.start();
    expect(inside(bench.one, "cat /opt/kept; ls /run | grep -c lost").stdout).toBe("kept\n0");
    expect(inside(bench.one, "ip -brief address show eth0").stdout).toContain(`${bench.one.address}/`);
  });

  test("exclude each other with flock on a shared disk", async () => {
    const holder = await background(
      bench.two.command(
        ["flock", "-n", "/var/lib/concourse/.install.lock", "sh", "-c", "echo locked; sleep 1000"],
        stock,
        "/",
      ),
    );
    const tryLock = "flock -n /var/lib/concourse/.install.lock true";
    expect(inside(bench.one, tryLock).status).toBe(1);
    const released = once(holder, "exit");
    await bench.two.stop("kill");
    await released;
    expect(inside(bench.one, tryLock).status).toBe(0);
    await bench.two.start();
    await bench.two.booted();
  });

  test("plug disks in and out while running, and keep them over a reboot", async () => {
    const extra = bench.disk("extra", "/srv/deep/extra");
    writeFileSync(join(extra.source, "file"), "on the disk");
    const mountLine = () => inside(bench.one, "grep ' /srv/deep/extra ' /proc/self/mountinfo").stdout;

    await bench.one.attach(extra);
    expect(mountLine()).toMatch(/ rw,/);
    const reader = await background(
      bench.one.command(["sh", "-c", "exec 3</srv/deep/extra/file; echo open; sleep 1000"], stock, "/"),
    );
    await bench.one.detach("extra");
    expect(mountLine()).toBe("");
    expect(inside(bench.one, "ls -A /srv/deep/extra").stdout).toBe("");
    expect(reader.exitCode).toBe(null);

    await bench.one.attach({ ...extra, readOnly: true });
    await bench.one.attach({ ...extra, readOnly: true });
    expect(mountLine()).toMatch(/^[^\n]* ro,[^\n]*$/);
    expect(inside(bench.one, "echo x >/srv/deep/extra/new").stderr).toContain("Read-only file system");

    await bench.one.stop("kill");
    await bench.one.start();
    expect(mountLine()).toMatch(/ ro,/);
    await bench.one.detach("extra");
    await bench.one.detach("shared");
    await bench.one.stop("kill");
    await bench.one.start();
    expect(mountLine()).toBe("");
    expect(inside(bench.one, "grep -c ' /var/lib/concourse ' /proc/self/mountinfo").stdout).toBe("0");
    await bench.one.attach(bench.shared);
    expect(inside(bench.one, "grep -c ' /var/lib/concourse ' /proc/self/mountinfo").stdout).toBe("1");
  });

  test("keep set-user-ID programs and devices of a disk from having any effect", async () => {
    const plain = bench.disk("plain", "/srv/plain");
    const mountLine = () => inside(bench.one, "grep ' /srv/plain ' /proc/self/mountinfo").stdout;
    for (const access of ["rw", "ro"]) {
      await bench.one.attach({ ...plain, readOnly: access === "ro" });
      expect(mountLine()).toMatch(new RegExp(` ${access},nosuid,nodev`));
      await bench.one.stop("kill");
      await bench.one.start();
      expect(mountLine()).toMatch(new RegExp(` ${access},nosuid,nodev`));
      await bench.one.detach("plain");
    }
  });

  test("show a disk that is plugged in also to services with mounts of their own", async () => {
    const late = bench.disk("late", "/srv/late");
    writeFileSync(join(late.source, "file"), "late");
    expect(inside(bench.one, "systemd-run --unit=walled -p PrivateTmp=yes sleep 1000").status).toBe(0);
    await bench.one.attach(late);
    const pid = inside(bench.one, "systemctl show -P MainPID walled").stdout;
    expect(inside(bench.one, `cat /proc/${pid}/root/srv/late/file`).stdout).toBe("late");
    await bench.one.detach("late");
  });

  test("stop when frozen and go on when thawed", async () => {
    const counter = "while :; do i=$((i+1)); echo $i >/var/lib/concourse/count; echo $i; sleep 0.01; done";
    await background(bench.one.command(["sh", "-c", counter], stock, "/"));
    const count = () => readFileSync(join(bench.base, "shared", "count"), "utf8");
    await bench.one.freeze();
    const frozen = count();
    await pause(200);
    expect(count()).toBe(frozen);
    await bench.one.thaw();
    await expect.poll(count).not.toBe(frozen);
    await bench.one.freeze();
    await bench.one.stop("kill");
    expect(await bench.one.running()).toBe(false);
    await bench.one.start();
  });

  test("are found running by another process, and a stale record is not believed", async () => {
    const again = await bench.handle("1", [bench.shared]);
    expect(await again.running()).toBe(true);
    const before = inside(bench.one, "cat /proc/sys/kernel/random/boot_id; stat -c %i /proc/1/ns/pid").stdout;
    await again.start();
    expect(inside(again, "cat /proc/sys/kernel/random/boot_id; stat -c %i /proc/1/ns/pid").stdout).toBe(before);

    const stale = await bench.handle("7");
    mkdirSync(join(bench.base, "machines", "7"), { recursive: true });
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8");
    writeFileSync(join(bench.base, "machines", "7", "init"), `${process.pid} 1 ${bootId}`);
    expect(await stale.running()).toBe(false);
    await stale.destroy();
  });

  test("have the control groups that the host has, to limit containers with", async () => {
    for (const hierarchy of await hostHierarchies()) {
      const group = join("/sys/fs/cgroup", mountName(hierarchy), "try");
      expect(inside(bench.one, `mkdir ${group} && ls ${group}/cgroup.procs && rmdir ${group}`)).toMatchObject({
        status: 0,
      });
    }
  });

  test("carry overlays below /var/lib, wherever a charm puts its containers", () => {
    for (const name of ["concourse-worker", "docker", "anything"]) {
      const script = `mkdir /var/lib/${name} && cd /var/lib/${name} && mkdir -p lower upper work merged && echo low >lower/file &&
        mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged && cat merged/file && umount merged`;
      expect([name, inside(bench.one, script)]).toEqual([name, expect.objectContaining({ status: 0, stdout: "low" })]);
    }
  });

  test("have what a worker looks for: a default route, and iptables that can translate addresses", () => {
    const { address } = bench.network;
    expect(inside(bench.one, "ip -4 route show default").stdout).toMatch(
      new RegExp(`^default via ${address} dev eth0`),
    );
    const rule = "POSTROUTING -s 10.80.0.0/16 -m comment --comment try -j MASQUERADE";
    const script = `iptables -t nat -A ${rule} && iptables -t nat -C ${rule} && iptables -t nat -D ${rule}`;
    expect(inside(bench.one, script)).toMatchObject({ status: 0, stderr: "" });
  });

  test("refuse a disk that is not there, with a next step", async () => {
    const nowhere = { name: "gone", source: join(bench.base, "not there"), path: "/srv/gone", readOnly: false };
    const withoutDisk = await bench.handle("9", [nowhere]);
    await expect(withoutDisk.start()).rejects.toThrow(UserError);
    await expect(bench.one.attach(nowhere)).rejects.toThrow("disk gone does not exist");
    await withoutDisk.destroy();
  });

  test("survive the death of who starts them, at any moment", async () => {
    const program = `
      const { machineKind } = await import(${JSON.stringify(resolve(import.meta.dirname, "../../src/machines/index.ts"))});
      const [name, model, base, image, id] = process.argv.slice(1);
      const kind = machineKind(name);
      const network = await kind.createNetwork({ model, reach: "inside" });
      const machine = await kind.machine({ model, id, hostname: "juju-" + model + "-" + id, image, directory: base + "/machines/" + id, disks: [] }, network);
      console.log("starting");
      await machine.start();
      console.log("started");
      setInterval(() => {}, 1000);`;
    const words = ["--input-type=module", "-e", program, bench.kind.name, bench.model, bench.base, bench.image];
    for (const [index, delay] of [0, 15, 40, 80, 120, 180, 250].entries()) {
      const id = String(20 + index);
      const starter = await background([process.execPath, ...words, id]);
      await pause(delay);
      starter.kill("SIGKILL");
      const machine = await bench.handle(id);
      await machine.start();
      expect(inside(machine, "hostname").status).toBe(0);
      await machine.booted();
      await machine.destroy();
      expect(existsSync(join(bench.base, "machines", id))).toBe(false);
    }
  });

  test("leave the bridge its address as they come and go", async () => {
    const script = "cat /sys/class/net/concourse0/address; ls /sys/class/net/concourse0/brif";
    const seen = () => {
      const { stdout } = spawnSync(
        bench.network.enter[0]!,
        [...bench.network.enter.slice(1), "unshare", "--mount", "sh", "-c", `mount -t sysfs sysfs /sys && ${script}`],
        { encoding: "utf8" },
      );
      const [address, ...ports] = stdout.trim().split("\n");
      return { address, ports };
    };
    const zero = await bench.handle("0");
    const before = seen();
    await zero.start();
    const during = seen();
    await zero.destroy();
    expect(during.ports).toEqual(["machine0", ...before.ports]);
    const own = linkAddress(bench.network.address);
    expect([before, during, seen()].map(({ address }) => address)).toEqual([own, own, own]);
  });

  test("leave nothing behind, whatever state they were in", async () => {
    const three = await bench.handle("3");
    await three.start();
    await three.freeze();
    const unfinished = await bench.handle("4");
    const starting = unfinished.start().catch((error: unknown) => error);
    await pause(30);
    await bench.kind.sweep(bench.model);
    await starting;
    await bench.kind.sweep(bench.model);
    await expect.poll(() => bench.traces()).toEqual([]);
    for (const machine of [bench.one, bench.two, three, unfinished]) await machine.destroy();
    for (const machine of [bench.one, bench.two]) await machine.destroy();
    expect(globSync(join(bench.base, "machines", "*"))).toEqual([]);
    await expect.poll(() => bench.traces()).toEqual([]);
  });
}
