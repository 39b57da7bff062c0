import { expect, test } from "vitest";
import type { Hierarchy } from "../hierarchies.ts";
import { splitGroupsScript } from "./split-groups.ts";

const cgroup = (options: string, name = options): Hierarchy => ({
  mountPoint: `/sys/fs/cgroup/${name}`,
  type: "cgroup",
  options,
});

test("hosts with pairs, or with control groups v2 alone, need nothing", () => {
  expect(splitGroupsScript([cgroup("cpu,cpuacct"), cgroup("memory"), cgroup("none,name=systemd", "systemd")])).toBe(
    null,
  );
  expect(splitGroupsScript([{ mountPoint: "/sys/fs/cgroup", type: "cgroup2", options: "" }])).toBe(null);
});

test("what the host has apart is mounted apart, where the host has it", () => {
  const script = splitGroupsScript([cgroup("cpu"), cgroup("cpuacct", "accounts"), cgroup("memory")]);
  expect(script?.match(/mount -t .*;/g)).toEqual([
    "mount -t cgroup -o cpu,nosuid,nodev,noexec cgroup cpu;",
    "mount -t cgroup -o cpuacct,nosuid,nodev,noexec cgroup accounts;",
  ]);
});
