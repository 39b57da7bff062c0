import type { Lack } from "../contract.ts";
import { strangersOn } from "./listeners.ts";
import { missingCapabilities, PRIVILEGED, UNPRIVILEGED } from "./capabilities.ts";
import { probeOverlay } from "./overlay.ts";
import type { Exec, Space } from "../../ports.ts";

/** What a check looks at: the real machine, or one that a test makes up. */
export interface Machine {
  readonly exec: Exec;
  /** Text of a file, empty if it cannot be read. */
  readonly read: (path: string) => Promise<string>;
  /** The file can be written: there, and on no read-only mount. */
  readonly writable: (path: string) => Promise<boolean>;
  readonly space: (path: string) => Promise<Space>;
  readonly hostname: string;
  /** Concourse's work directory. */
  readonly directory: string;
}

interface Check {
  readonly name: string;
  /** See {@link Lack.stops}. */
  readonly stops: Lack["stops"];
  /** What is missing and how to get it, as the end of a status line; null = nothing. */
  readonly probe: (machine: Machine) => Promise<string | null>;
}

const GIB = 1024 ** 3;
/** A build of any size needs more than that; Concourse clears old volumes by itself, but not below a given space. */
const FULL = GIB;
const NEARLY_FULL = 5 * GIB;

/** Garden, Baggageclaim and the health check (worker/workercmd, 7.14.3 and 8.2.5). */
const PORTS = [7777, 7788, 8888];

/**
 * What Concourse's containerd runtime needs of a machine, the first cause first: without a network it does not look at the
 * rest. Sources: worker/workercmd/containerd.go (`mtu`), worker/runtime/cni_network.go, iptables/iptables.go,
 * spec/capabilities.go, baggageclaim/volume/driver/overlay_linux.go, the same in 7.14.3 and 8.2.5.
 */
const CHECKS: readonly Check[] = [
  {
    name: "no-nesting",
    stops: "builds",
    probe: async ({ exec, hostname }) =>
      (await succeeds(exec, "unshare", "-Urpf", "--mount-proc", "true"))
        ? null
        : `containers cannot be nested: lxc config set ${hostname} security.nesting=true, and restart it`,
  },
  {
    name: "no-overlay",
    stops: "builds",
    probe: async ({ exec, directory }) => {
      const cause = await probeOverlay(exec, directory);
      return cause === null ? null : `no overlay on ${directory}: ${cause.slice(0, 60)}`;
    },
  },
  {
    name: "no-iptables",
    stops: "worker",
    probe: async ({ exec }) =>
      (await succeeds(exec, "sh", "-c", "command -v iptables"))
        ? null
        : "iptables is missing: juju exec -u <unit> 'apt-get install -y iptables'",
  },
  {
    name: "no-route",
    stops: "worker",
    probe: async ({ read }) => {
      const v4 = /^\S+\t00000000\t/m.test(await read("/proc/net/route"));
      const v6 = /^0{32} 00 .* (?!lo$)\S+$/m.test(await read("/proc/net/ipv6_route"));
      return v4 || v6 ? null : "this machine has no default route: juju exec -u <unit> 'ip route' shows its routes";
    },
  },
  {
    name: "no-forwarding",
    stops: "builds",
    probe: async ({ read, writable }) =>
      (await read(FORWARDING)).trim() === "1" || (await writable(FORWARDING))
        ? null
        : "IP forwarding is off: sysctl -w net.ipv4.ip_forward=1",
  },
  {
    name: "no-cgroups",
    stops: "builds",
    probe: async ({ exec }) =>
      (await succeeds(exec, "sh", "-c", MAKE_CGROUP)) ? null : "no cgroup can be made below /sys/fs/cgroup",
  },
  {
    name: "no-cgroup-controller",
    stops: "some",
    probe: async ({ read }) => {
      const there = (await read("/sys/fs/cgroup/cgroup.controllers")).trim().split(/\s+/);
      const missing = ["cpu", "memory", "pids"].filter((name) => there[0] !== "" && !there.includes(name));
      return missing.length > 0 ? `tasks with limits lack the cgroup controllers ${missing.join(", ")}` : null;
    },
  },
  {
    name: "port-of-worker-taken",
    stops: "worker",
    probe: async ({ exec, read }) => {
      const [first] = await strangersOn(exec, read, PORTS);
      return first ? `port ${first.port} is taken by ${first.who}: end it (ss -ltnp)` : null;
    },
  },
  {
    name: "no-capability",
    stops: "builds",
    probe: async ({ read }) => lackOf(await read("/proc/self/status"), UNPRIVILEGED, "builds"),
  },
  {
    name: "no-space",
    stops: "builds",
    probe: async ({ space, directory }) => {
      const { free } = await space(directory);
      return free < FULL ? `${mib(free)} MiB are free on ${directory}: make room there` : null;
    },
  },
  {
    name: "little-space",
    stops: "some",
    probe: async ({ space, directory }) => {
      const { free } = await space(directory);
      return free >= FULL && free < NEARLY_FULL ? `only ${mib(free)} MiB are free on ${directory}` : null;
    },
  },
  {
    name: "no-capability-of-privileged",
    stops: "some",
    probe: async ({ read }) => lackOf(await read("/proc/self/status"), PRIVILEGED, "privileged tasks"),
  },
];

/** In the one hierarchy, or in the first of several. */
const MAKE_CGROUP = `
at=/sys/fs/cgroup
[ -e $at/cgroup.controllers ] || at=$(ls -d $at/*/ | head -n 1)
mkdir $at/concourse-preflight && rmdir $at/concourse-preflight
`;

const FORWARDING = "/proc/sys/net/ipv4/ip_forward";

const mib = (bytes: number): number => Math.floor(bytes / 1024 ** 2);

function lackOf(status: string, wanted: readonly string[], whose: string): string | null {
  const missing = missingCapabilities(status, wanted);
  return missing.length > 0 ? `${whose} lack ${missing.join(", ")}: the host does not give it to this machine` : null;
}

async function succeeds(exec: Exec, ...argv: string[]): Promise<boolean> {
  return exec.run(argv, { timeout: 10_000 }).then(
    ({ code }) => code === 0,
    () => false,
  );
}

/** What of the table is missing, in its order. */
export async function lacksOf(machine: Machine): Promise<Lack[]> {
  const lacks: Lack[] = [];
  for (const { name, stops, probe } of CHECKS) {
    const message = await probe(machine);
    if (message !== null) lacks.push({ name, stops, message });
  }
  return lacks;
}
