import { readlinkSync, writeFileSync } from "node:fs";

const NOTIFY = "/proc/sys/net/ipv4/conf/all/arp_notify";

/**
 * Tells units at once when the bridge that our servers listen on changes its hardware address, as a bridge does when the
 * machine with the lowest one comes or goes; units would go on asking the old address for up to a minute. Only in a
 * network of the model's own: `hostNetwork` is the descriptor of the host's.
 */
export function announceAddressChanges(hostNetwork: number): void {
  const isOwn = readlinkSync("/proc/self/ns/net") !== readlinkSync(`/proc/self/fd/${hostNetwork}`);
  if (isOwn) writeFileSync(NOTIFY, "1");
}
