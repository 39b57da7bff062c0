import { mkdir, rm, rmdir, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { addressing, linkAddress, machineAddress } from "./addresses.ts";
import { code } from "./errno.ts";
import type { Network, NetworkSpec } from "./machine.ts";
import { quote } from "./quote.ts";
import { run } from "./run.ts";

/** Where namespaces are pinned; gone after a reboot of the host, as they are. */
const directory = "/run/concourse-machine";
const nsfs = 0x6e736673;

/** The bridge inside a model's network; its ports are called after the machines. */
const bridge = "concourse0";

/** The file that pins a model's network namespace. Not `ip netns`, which would leave a mount of its own behind. */
function networkFile(model: string): string {
  return join(directory, `${model}.net`);
}

async function pinned(file: string): Promise<boolean> {
  try {
    return (await statfs(file)).type === nsfs;
  } catch (error) {
    if (code(error) === "ENOENT") return false;
    throw error;
  }
}

/** Makes the model's network, or completes one that was begun. */
export async function createNetwork(spec: NetworkSpec): Promise<Network> {
  const file = networkFile(spec.model);
  const { cidr, gateway, prefixLength } = addressing(spec.model);
  if (!(await pinned(file))) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(file, "");
    await run("unshare", [`--net=${file}`, "true"]);
  }
  const enter = ["/usr/bin/nsenter", `--net=${file}`];
  // Of its own: else a bridge takes the lowest address of its ports, and changes it as machines come and go.
  const script = `set -e
    ip link set lo up
    ip -oneline link show ${bridge} >/dev/null 2>&1 || ip link add ${bridge} type bridge forward_delay 0
    ip address replace ${gateway}/${prefixLength} dev ${bridge}
    ip link set ${bridge} address ${linkAddress(gateway)} up
    echo 1 >/proc/sys/net/ipv4/ip_forward
    # Every packet is answered: else all but the first few of a second would wait for nothing.
    echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
    nft "$0"`;
  await run("nsenter", [`--net=${file}`, "--", "sh", "-c", script, rules(cidr)]);
  return { address: gateway, cidr, enter };
}

/**
 * Machines have a default route, for there are programs that need one (Concourse 7, worker/workercmd: containerMTU). It ends
 * at the bridge: what goes elsewhere is refused at once. Rejecting before routing takes Linux 5.9.
 */
function rules(cidr: string): string {
  return `add table ip concourse-machine
delete table ip concourse-machine
table ip concourse-machine {
  chain arriving {
    type filter hook prerouting priority raw
    iifname "${bridge}" ip daddr != ${cidr} reject with icmp net-prohibited
  }
}`;
}

/** The namespace, with bridge and ports, ends with its last process. Idempotent. */
export async function destroyNetwork(spec: NetworkSpec): Promise<void> {
  const file = networkFile(spec.model);
  // More than one pin can lie on the file if two processes created the network at once.
  while (await pinned(file)) await run("umount", [file]);
  await rm(file, { force: true });
  await rmdir(dirname(file)).catch((error: unknown) => {
    if (!["ENOENT", "ENOTEMPTY", "EBUSY"].includes(code(error))) throw error;
  });
}

/** How a machine is plugged into its model's network. */
export interface Port {
  /** Pins the network's namespace. */
  readonly networkFile: string;
  /** The machine's port on the bridge. */
  readonly port: string;
  readonly address: string;
  readonly prefixLength: number;
  /** Where the default route leads. */
  readonly gateway: string;
  readonly linkAddress: string;
}

/** The same model and machine have the same port after any restart. */
export function portOf(model: string, id: string): Port {
  const address = machineAddress(model, id);
  return {
    networkFile: networkFile(model),
    port: `machine${id}`,
    address,
    prefixLength: addressing(model).prefixLength,
    gateway: addressing(model).gateway,
    linkAddress: linkAddress(address),
  };
}

/** Shell lines that give the machine in whose network they run, among the host's files, its eth0. */
export function portScript({
  networkFile: file,
  port,
  address,
  prefixLength,
  gateway,
  linkAddress: link,
}: Port): string {
  const enter = `nsenter --net=${quote(file)} --`;
  // The port of a machine that was killed just now may not have been collected yet.
  return `${enter} ip link delete ${port} 2>/dev/null || true
ip link set lo up
ip link add eth0 address ${link} type veth peer name ${port} netns ${quote(file)}
ip address add ${address}/${prefixLength} dev eth0
ip link set eth0 up
ip route add default via ${gateway} dev eth0
${enter} ip link set ${port} master ${bridge} up`;
}
