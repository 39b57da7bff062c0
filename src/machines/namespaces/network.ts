import { mkdir, rm, rmdir, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Network, NetworkSpec } from "../machine.ts";
import { run } from "../run.ts";
import { addressing, linkAddress } from "./addresses.ts";
import { code } from "./errno.ts";

/** Where namespaces are pinned; gone after a reboot of the host, as they are. */
const directory = "/run/concourse-machine";
const nsfs = 0x6e736673;

/** The bridge inside a model's network; its ports are called after the machines. */
export const bridge = "concourse0";

/** The file that pins a model's network namespace. Not `ip netns`, which would leave a mount of its own behind. */
export function networkFile(model: string): string {
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
    ip link set ${bridge} address ${linkAddress(gateway)} up`;
  await run("nsenter", [`--net=${file}`, "--", "sh", "-c", script]);
  return { address: gateway, cidr, enter };
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
