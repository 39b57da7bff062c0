import { access, readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { absentPackages, install, updateLists } from "../apt.ts";
import type { Step } from "../machine.ts";
import { run, stockPath } from "../run.ts";
import { hostHierarchies } from "../hierarchies.ts";
import { mounts } from "../mountinfo.ts";

/** The systemd that becomes a machine's init. */
export const systemd = "/usr/lib/systemd/systemd";

/** The device nodes of a machine, as far as the host has them. */
const devices = ["null", "zero", "full", "random", "urandom", "tty", "fuse", "net/tun"];

export async function hostDevices(): Promise<string[]> {
  const paths = devices.map((name) => `/dev/${name}`);
  const present = await Promise.all(paths.map(exists));
  return paths.filter((_, index) => present[index]);
}

/** Directories that a machine needs, on whatever file system of the host they are. */
const separable = ["/usr", "/usr/local", "/opt", "/srv", "/var", "/var/lib", "/var/log"];

/** The file systems that a machine's root lies over: an overlay does not look through mount points. */
export function lowerRoots(mountinfo: string): string[] {
  const mounted = new Set(
    mounts(mountinfo)
      .filter(({ type }) => type !== "tmpfs" && type !== "autofs")
      .map(({ path }) => path),
  );
  return ["/", ...separable.filter((path) => mounted.has(path))];
}

/** Directories that belong to the system: never hidden as a whole for the sake of something below them. */
const system = new Set([
  "/",
  "/usr",
  "/usr/lib",
  "/usr/local",
  "/usr/local/lib",
  "/usr/share",
  "/opt",
  "/srv",
  "/etc",
  "/var",
  "/var/lib",
]);

function around(path: string): string {
  const parent = dirname(path);
  return system.has(parent) ? path : parent;
}

/** What belongs to this tool on the host: its clone with what lies beside it, its data, and the machines' directories. */
export function ownPaths(machineDirectory: string): string[] {
  const clone = resolve(import.meta.dirname, "../../..");
  const configured = [process.env["CONCOURSE_MACHINE_DATA"], process.env["CONCOURSE_MACHINE_CACHE"]];
  return [around(clone), around(machineDirectory), ...configured.filter((path) => path !== undefined)];
}

/** What the tool calls, and what machines find on the host's root: workers of Concourse call iptables. */
const packages: Readonly<Record<string, readonly string[]>> = {
  "util-linux": ["unshare", "nsenter"],
  mount: ["mount", "umount"],
  iproute2: ["ip"],
  iptables: ["iptables"],
  nftables: ["nft"],
  "perl-base": ["perl"],
};

/** Installs the packages that are missing; what else is missing, nobody can install. */
export async function prepare(): Promise<Step[]> {
  const absent = await absentPackages([...Object.keys(packages), "systemd", "dbus"]);
  if (absent.length === 0) return [];
  const step = async () => {
    await updateLists();
    await install(absent);
  };
  return [{ what: `Install with apt-get: ${absent.join(" ")}`, run: step }];
}

/** What this host lacks to run machines as namespaces: one line each, with the command to run at its end, ready to be copied. */
export async function missing(): Promise<string[]> {
  if (process.getuid?.() !== 0) return ["Machines need root: run the command again with sudo"];
  const lacks: string[] = [];
  for (const [name, commands] of Object.entries(packages)) {
    const absent = await absentCommands(commands);
    if (absent.length > 0) lacks.push(`${absent.join(" and ")} not found. Run: apt-get install ${name}`);
  }
  if (!(await exists(systemd))) lacks.push("systemd is not installed. Run: apt-get install systemd");
  if (!(await exists("/usr/lib/systemd/system/dbus.service")))
    lacks.push("D-Bus is not installed. Run: apt-get install dbus");
  return lacks.length > 0 ? lacks : missingInKernel();
}

async function missingInKernel(): Promise<string[]> {
  const lacks: string[] = [];
  if (!(await overlay())) lacks.push("The kernel has no overlay file system. Run: modprobe overlay");
  if (!(await cgroupKill())) {
    lacks.push(
      "Control groups cannot kill here, which takes Linux 5.14 and a cgroup2 hierarchy. " +
        "Run: mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified",
    );
  }
  const namespaces = ["--mount", "--uts", "--ipc", "--net", "--cgroup", "--pid", "--fork"];
  const allowed = await run("unshare", [...namespaces, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).then(
    () => true,
    () => false,
  );
  if (!allowed)
    lacks.push(
      "Namespaces cannot be made here: run this on a machine or in a container with CAP_SYS_ADMIN (--privileged)",
    );
  return lacks;
}

async function overlay(): Promise<boolean> {
  const known = async () => (await readFile("/proc/filesystems", "utf8")).includes("\toverlay\n");
  if (await known()) return true;
  await run("modprobe", ["overlay"]).catch(() => undefined);
  return known();
}

/** The root of a hierarchy has no cgroup.kill; a group of our own tells. */
async function cgroupKill(): Promise<boolean> {
  const unified = (await hostHierarchies()).find(({ type }) => type === "cgroup2");
  if (unified === undefined) return false;
  const probe = `${unified.mountPoint}/concourse-machine.probe-${process.pid}`;
  const script = `mkdir "$0" && trap 'rmdir "$0"' EXIT && test -e "$0/cgroup.kill"`;
  return run("sh", ["-c", script, probe]).then(
    () => true,
    () => false,
  );
}

async function absentCommands(commands: readonly string[]): Promise<string[]> {
  const directories = stockPath.split(":");
  const absent: string[] = [];
  for (const command of commands) {
    const found = await Promise.all(directories.map((directory) => exists(`${directory}/${command}`)));
    if (!found.includes(true)) absent.push(command);
  }
  return absent;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
