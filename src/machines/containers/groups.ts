import { join } from "node:path";
import type { Hierarchy } from "../hierarchies.ts";

/** LXC's part of a path (LXC 5, src/lxc/cgroups/cgfsng.c: lxc.payload.<name>). */
const payload = /^(?:\/[^/]+)*?\/lxc\.payload\.[^/]+/;

/** Where LXC itself puts what enters a container (the same file: cgroup_attach_leaf): a unified tree wants a leaf. */
const leaf = ".lxc";

/**
 * The control groups that a command must join to be frozen, limited and counted with the container. `text` is
 * /proc/<init>/cgroup: lines `number:controllers:path` (cgroups(7)).
 */
export function payloadGroups(all: readonly Hierarchy[], text: string): string[] {
  const paths = new Map(
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [, controllers = "", ...path] = line.split(":");
        return [controllers, path.join(":")] as const;
      }),
  );
  return all.flatMap(({ mountPoint, type, options }) => {
    const controllers = type === "cgroup2" ? "" : options.replace(/^none,/, "");
    const path = payload.exec(paths.get(controllers) ?? "")?.[0];
    if (path === undefined) return [];
    return [join(mountPoint, path, type === "cgroup2" ? leaf : "")];
  });
}
