import { mkdir, rm, rmdir, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import { addressing, linkAddress, machineAddress } from "./addresses.ts";
import { code } from "./errno.ts";
import type { Network, NetworkSpec, Reach } from "./machine.ts";
import { quote } from "./quote.ts";
import { run } from "./run.ts";
import { links, makeWayOut, outside, removeWayOut } from "./way-out.ts";

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
export async function createNetwork({ model, reach }: NetworkSpec): Promise<Network> {
  const file = networkFile(model);
  const { cidr, gateway, prefixLength } = addressing(model);
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
  await run("nsenter", [`--net=${file}`, "--", "sh", "-c", script, rules(cidr, reach)]);
  if (reach !== "inside") await makeWayOut(model, file, reach).catch(cannotLeaveHost);
  return { reach, address: gateway, cidr, enter };
}

function cannotLeaveHost(error: unknown): never {
  const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
  throw new UserError(
    `This host cannot lead machines to its network (${said.split("\n").at(-1)})`,
    "Make the model without a way out: --isolated",
  );
}

/** Where no machine gets to: this network's and the link's own ends, link-local addresses, and those that no route has. */
const nowhere = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", `${links.address}/${links.length}`, "224.0.0.0/3"];

/**
 * Machines always have a default route, for there are programs that need one (Concourse 7, worker/workercmd: containerMTU).
 * Where they may not go, they are told at once. Rejecting before routing takes Linux 5.9.
 */
function rules(cidr: string, reach: Reach): string {
  const refused = reach === "inside" ? `!= ${cidr}` : `{ ${nowhere.join(", ")} }`;
  return `add table ip concourse-machine
delete table ip concourse-machine
table ip concourse-machine {
  chain arriving {
    type filter hook prerouting priority raw
    iifname "${bridge}" ip daddr ${refused} reject with icmp net-prohibited
  }
  chain through {
    type filter hook forward priority filter; policy drop
    # What one machine tells another passes here too where the host's bridges call netfilter (br_netfilter, for Docker).
    iifname "${bridge}" oifname { "${bridge}", "${outside}" } accept
    iifname "${outside}" ct state established,related accept
  }
  chain coming {
    type filter hook input priority filter
    iifname "${outside}" ct state != { established, related } drop
  }
  chain leaving {
    type nat hook postrouting priority srcnat
    oifname "${outside}" masquerade
  }
}`;
}

/** The namespace, with bridge and ports, ends with its last process. Idempotent. */
export async function destroyNetwork(model: string): Promise<void> {
  const file = networkFile(model);
  await removeWayOut(model);
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
