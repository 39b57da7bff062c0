import { createServer } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { hostExec } from "../../host/exec.ts";
import type { Exec } from "../../ports.ts";
import { missingCapabilities, PRIVILEGED, UNPRIVILEGED } from "./capabilities.ts";
import { lacksOf, type Machine } from "./checks.ts";
import { parseListeners, strangersOn } from "./listeners.ts";

const GIB = 1024 ** 3;
const FILES: Readonly<Record<string, string>> = {
  "/proc/net/route": "Iface\tDestination\tGateway\neth0\t00000000\t0100000A\t0003\n",
  "/proc/sys/net/ipv4/ip_forward": "1\n",
  "/proc/self/status": "Name:\tnode\nCapBnd:\t000001ffffffffff\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids\n",
};
const SS = 'LISTEN 0      4096   127.0.0.1:7788 0.0.0.0:* users:(("nginx",pid=12,fd=6))\n';

/** A machine on which everything is right, but for programs that fail and files that differ. */
function machine(
  change: {
    fails?: string;
    files?: Readonly<Record<string, string>>;
    free?: number;
    ss?: string;
    says?: string;
  } = {},
): Machine {
  const files = { ...FILES, ...change.files };
  const exec: Exec = {
    run: async (argv) => {
      const line = argv.join(" ");
      const code = change.fails !== undefined && line.includes(change.fails) ? 1 : 0;
      const stdout = argv[0] === "ss" ? (change.ss ?? "") : "";
      return { code, signal: null, stdout, stderr: `mount: ${change.says ?? ""}` };
    },
  };
  return {
    exec,
    read: async (path) => files[path] ?? "",
    writable: async () => false,
    space: async () => ({ total: 100 * GIB, free: change.free ?? 50 * GIB }),
    hostname: "juju-1",
    directory: "/w",
  };
}

test.each<[string, Parameters<typeof machine>[0], string, string]>([
  ["no-nesting", { fails: "unshare -Urpf" }, "builds", "lxc config set juju-1 security.nesting=true"],
  ["no-overlay", { fails: "metacopy", says: "wrong fs type" }, "builds", "no overlay on /w: wrong fs type"],
  ["no-iptables", { fails: "iptables" }, "worker", "apt-get install -y iptables"],
  [
    "no-route",
    { files: { "/proc/net/route": "Iface\tDestination\neth0\t0000000A\t0\n" } },
    "worker",
    "no default route",
  ],
  ["no-forwarding", { files: { "/proc/sys/net/ipv4/ip_forward": "0\n" } }, "builds", "net.ipv4.ip_forward=1"],
  ["no-cgroups", { fails: "concourse-preflight" }, "builds", "/sys/fs/cgroup"],
  [
    "no-cgroup-controller",
    { files: { "/sys/fs/cgroup/cgroup.controllers": "cpu pids" } },
    "some",
    "controllers memory",
  ],
  ["port-of-worker-taken", { ss: SS }, "worker", "port 7788 is taken by nginx"],
  ["no-capability", { files: { "/proc/self/status": "CapBnd:\t000001ffffdfffff\n" } }, "builds", "CAP_SYS_ADMIN"],
  ["no-space", { free: 100 * 1024 ** 2 }, "builds", "100 MiB are free on /w"],
  ["little-space", { free: 2 * GIB }, "some", "only 2048 MiB are free on /w"],
  [
    "no-capability-of-privileged",
    { files: { "/proc/self/status": "CapBnd:\t000001fffffeffff\n" } },
    "some",
    "CAP_SYS_MODULE",
  ],
])("%s is told, with what it stops", async (name, change, stops, words) => {
  const lacks = await lacksOf(machine(change));
  expect(lacks).toContainEqual({ name, stops, message: expect.stringContaining(words) as string });
});

test("a machine that has everything lacks nothing; a route of the sixth version is one", async () => {
  expect(await lacksOf(machine())).toEqual([]);
  const v6 = `${"0".repeat(32)} 00 ${"0".repeat(32)} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003     eth0\n`;
  expect(await lacksOf(machine({ files: { "/proc/net/route": "", "/proc/net/ipv6_route": v6 } }))).toEqual([]);
  const lo = v6.replace("eth0", "lo");
  expect(await lacksOf(machine({ files: { "/proc/net/route": "", "/proc/net/ipv6_route": lo } }))).not.toEqual([]);
});

test("capabilities are read by their numbers", () => {
  expect(missingCapabilities("CapBnd:\t0000003fffffffff\n", PRIVILEGED)).toEqual([]);
  expect(missingCapabilities("CapBnd:\t0000003fffffffff\n", UNPRIVILEGED)).toEqual([]);
  expect(missingCapabilities("CapBnd:\t0000001fffffffff\n", PRIVILEGED)).toEqual(["CAP_AUDIT_READ"]);
  expect(missingCapabilities("CapBnd:\t0000003ffffffffe\n", UNPRIVILEGED)).toEqual(["CAP_CHOWN"]);
});

test("the worker's own ports are no stranger's", async () => {
  const exec: Exec = { run: async () => ({ code: 0, signal: null, stdout: SS, stderr: "" }) };
  const own = async (): Promise<string> => "0::/system.slice/concourse-worker.service\n";
  expect(await strangersOn(exec, own, [7788])).toEqual([]);
  expect(await strangersOn(exec, async () => "0::/system.slice/nginx.service\n", [7788])).toHaveLength(1);
  expect(await strangersOn(exec, async () => "", [7777])).toEqual([]);
});

test("ss names a real listener", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as { port: number };
    const { stdout } = await hostExec.run(["ss", "-Hltnp"]);
    expect(parseListeners(stdout)).toContainEqual({ port, who: expect.any(String) as string, pid: process.pid });
  } finally {
    server.close();
  }
});
