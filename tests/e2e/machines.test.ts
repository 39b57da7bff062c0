/** Real machines of the kind `namespaces`. */

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { MachineBench, inside } from "./machine-bench.ts";
import { machinesHold } from "./machine-suite.ts";

const bench = new MachineBench("namespaces");
const missing = await bench.kind.missing();
if (missing.length > 0 && process.env["CI"] === "true") throw new Error(missing.join(" "));

describe.skipIf(missing.length > 0)(`machines of namespaces ${missing.join(" ")}`, () => {
  beforeAll(() => bench.setUp());
  afterAll(() => bench.tearDown());

  test("boot without a failed unit and without the host's services", () => {
    expect(inside(bench.one, "systemctl is-system-running")).toMatchObject({ status: 0, stdout: "running" });
    expect(
      inside(bench.one, "systemctl list-units --plain --no-legend --type=service | cut -d' ' -f1").stdout.split("\n"),
    ).toEqual(["dbus.service", "systemd-journald.service"]);
    expect(inside(bench.one, "hostname; cat /etc/hostname").stdout).toBe(
      `juju-${bench.model}-1\njuju-${bench.model}-1`,
    );
    expect(inside(bench.one, "cat /etc/machine-id").stdout).not.toBe(inside(bench.two, "cat /etc/machine-id").stdout);
  });

  test("look like a stock server and hide what is the host's own", () => {
    const tools = "systemctl useradd flock ip mount dpkg tar";
    expect(inside(bench.one, `which ${tools} | wc -l`).stdout).toBe(String(tools.split(" ").length));
    expect(inside(bench.one, "find /root /home /tmp -mindepth 1").stdout).toBe("");
    expect(inside(bench.one, `ls ${resolve(import.meta.dirname, "../..")}`).status).not.toBe(0);
    expect(inside(bench.one, `ls ${bench.base}`).status).not.toBe(0);
    expect(inside(bench.one, "stat -c %a /root /tmp").stdout).toBe("700\n1777");
    expect(inside(bench.one, "echo x >/dev/null && head -c 3 /dev/zero | wc -c").stdout).toBe("3");
  });

  test("keep what the host has in /var/lib, with what they have changed there, over a reboot", async () => {
    const files = "/var/lib/dpkg/from-machine /var/lib/new/file";
    inside(bench.one, "mkdir /var/lib/new && touch " + files);
    const before = inside(bench.one, "ls -l /var/lib | cut -d' ' -f1,3-; dpkg-query --show | wc -l").stdout;
    await bench.one.stop("shutdown");
    await bench.one.start();
    await bench.one.booted();
    expect(inside(bench.one, "ls -l /var/lib | cut -d' ' -f1,3-; dpkg-query --show | wc -l").stdout).toBe(before);
    expect(inside(bench.one, `ls ${files}`).status).toBe(0);
    expect(inside(bench.one, "dpkg-query --show | wc -l").stdout).toBe(
      spawnSync("sh", ["-c", "dpkg-query --show | wc -l"], { encoding: "utf8" }).stdout.trim(),
    );
    expect(inside(bench.two, `ls ${files}`).status).not.toBe(0);
  });

  test("refuse a directory that cannot hold a machine, with a next step", async () => {
    const directory = bench.hostDirectory("overlaid");
    for (const sub of ["lower", "upper", "work", "merged"]) mkdirSync(join(directory, sub));
    const options = `lowerdir=${directory}/lower,upperdir=${directory}/upper,workdir=${directory}/work`;
    expect(spawnSync("mount", ["-t", "overlay", "-o", options, "overlay", `${directory}/merged`]).status).toBe(0);
    try {
      const spec = {
        model: bench.model,
        id: "8",
        hostname: "eight",
        image: "",
        directory: join(directory, "merged", "machines", "8"),
        disks: [],
      };
      const onOverlay = await bench.kind.machine(spec, bench.network);
      await expect(onOverlay.start()).rejects.toThrow(UserError);
      await expect(onOverlay.start()).rejects.toThrow("CONCOURSE_MACHINE_DATA");
      await onOverlay.destroy();
    } finally {
      spawnSync("umount", [`${directory}/merged`]);
    }
  });

  machinesHold(bench);
});
