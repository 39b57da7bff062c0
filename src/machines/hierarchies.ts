import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import { mounts } from "./mountinfo.ts";

/** A tree of control groups that the host has mounted. */
export interface Hierarchy {
  readonly mountPoint: string;
  readonly type: "cgroup" | "cgroup2";
  /** Mount options that select this hierarchy (version 1), e.g. `cpu,cpuacct` or `none,name=systemd`. */
  readonly options: string;
}

const root = "/sys/fs/cgroup";
/** Options of a mounted version 1 hierarchy that say how it was mounted, not which one it is. */
const incidental = /^(rw|ro|clone_children|release_agent=.*|seclabel)$/;

export function hierarchies(mountinfo: string): Hierarchy[] {
  const found = new Map<string, Hierarchy>();
  for (const mount of mounts(mountinfo)) {
    if (mount.type !== "cgroup" && mount.type !== "cgroup2") continue;
    if (mount.path !== root && !mount.path.startsWith(`${root}/`)) continue;
    const chosen = mount.superOptions.split(",").filter((option) => !incidental.test(option));
    const named = chosen.some((option) => option.startsWith("name="));
    const options = mount.type === "cgroup2" ? "" : (named ? ["none", ...chosen] : chosen).join(",");
    const key = `${mount.type} ${options}`;
    if (!found.has(key)) found.set(key, { mountPoint: mount.path, type: mount.type, options });
  }
  return [...found.values()];
}

export async function hostHierarchies(): Promise<Hierarchy[]> {
  return hierarchies(await readFile("/proc/self/mountinfo", "utf8"));
}

/** Where a hierarchy is mounted inside a machine, relative to /sys/fs/cgroup; "" for the unified layout. */
export function mountName(hierarchy: Hierarchy): string {
  return relative(root, hierarchy.mountPoint);
}
