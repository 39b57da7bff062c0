import { mountName, type Hierarchy } from "../hierarchies.ts";

/** Controllers that systemd mounts in pairs or not at all (systemd 252, src/shared/mount-setup.c: join_with). */
const paired = ["cpu", "cpuacct", "net_cls", "net_prio"];

/**
 * What a machine's root runs where the host has such controllers in hierarchies of their own: without them a worker's
 * containers fail ("cannot set cpu limit"). null where the host is like most, with pairs or with control groups v2.
 */
export function splitGroupsScript(all: readonly Hierarchy[]): string | null {
  const apart = all.filter(({ type, options }) => type === "cgroup" && paired.includes(options));
  if (apart.length === 0) return null;
  const mounts = apart.map((hierarchy) => {
    const name = mountName(hierarchy);
    const options = `${hierarchy.options},nosuid,nodev,noexec`;
    return `mountpoint -q ${name} || { rm -f ${name}; mkdir -p ${name}; mount -t cgroup -o ${options} cgroup ${name}; }`;
  });
  return ["set -e; cd /sys/fs/cgroup", "mount -o remount,rw .", ...mounts, "mount -o remount,ro ."].join("\n");
}
