import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { quote } from "../quote.ts";
import { bootScript, type Boot } from "./boot.ts";

const boot: Boot = {
  directory: "/var/lib/concourse-machine/models/it's mine/machines/0",
  payloads: ["/sys/fs/cgroup/cpu,cpuacct/m/0/payload"],
  hierarchies: [
    { mountPoint: "/sys/fs/cgroup/cpu,cpuacct", type: "cgroup", options: "cpu,cpuacct" },
    { mountPoint: "/sys/fs/cgroup/unified", type: "cgroup2", options: "" },
  ],
  roots: ["/", "/usr"],
  devices: ["/dev/null"],
  networkFile: "/run/concourse-machine/m.net",
  port: "machine0",
  address: "10.90.0.10",
  prefixLength: 16,
  gateway: "10.90.0.1",
  linkAddress: "02:63:0a:5a:00:0a",
  disks: [{ name: "shared", source: "/srv/a b", path: "/var/lib/concourse", readOnly: true }],
  init: "/usr/lib/systemd/systemd",
  bootId: "b",
};

test("a word stays one word for the shell, whatever is in it", () => {
  const words = fc.array(
    fc.string({ unit: "grapheme" }).filter((word) => !word.includes("\0")),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(words, (words) => {
      const { stdout } = spawnSync("/bin/bash", ["-c", `printf '%s\\0' ${words.map(quote).join(" ")}`], {
        encoding: "utf8",
      });
      expect(stdout.split("\0").slice(0, -1)).toEqual(words);
    }),
    { numRuns: 30 },
  );
});

test("the script is valid for bash", () => {
  expect(spawnSync("/bin/bash", ["-n"], { input: bootScript(boot), encoding: "utf8" })).toMatchObject({
    status: 0,
    stderr: "",
  });
});

test("a separate file system of the host has an overlay of its own over its part of the layers", () => {
  expect(bootScript(boot)).toContain("lowerdir=layers/files/usr:layers/masks/usr:/usr,upperdir=upper/1,workdir=work/1");
});

test("a machine is entered only when its root is in place: the record comes after the last mount", () => {
  const lines = bootScript(boot).split("\n");
  const record = lines.findIndex((line) => line.startsWith("printf"));
  const mounts = lines.flatMap((line, index) => (/^(u?mount|pivot_root)/.test(line) ? [index] : []));
  expect(Math.max(...mounts)).toBeLessThan(record);
  expect(record).toBeLessThan(lines.findLastIndex((line) => line.startsWith("exec env")));
});
