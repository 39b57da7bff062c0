import { expect, test } from "vitest";
import { hierarchies, mountName } from "./hierarchies.ts";

const line = (path: string, type: string, options: string) =>
  `31 23 0:28 / ${path} rw,relatime shared:4 - ${type} ${type} ${options}`;

const unified = [line("/sys/fs/cgroup", "cgroup2", "rw,nsdelegate,memory_recursiveprot")];

const hybrid = [
  line("/sys/fs/cgroup", "tmpfs", "ro,mode=755"),
  line("/sys/fs/cgroup/unified", "cgroup2", "rw,nsdelegate"),
  line("/sys/fs/cgroup/systemd", "cgroup", "rw,xattr,name=systemd"),
  line("/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"),
  line("/sys/fs/cgroup/cpuset", "cgroup", "rw,cpuset,clone_children"),
];

test.each([
  { layout: "unified", lines: unified, expected: [{ name: "", type: "cgroup2", options: "" }] },
  {
    layout: "hybrid",
    lines: hybrid,
    expected: [
      { name: "unified", type: "cgroup2", options: "" },
      { name: "systemd", type: "cgroup", options: "none,xattr,name=systemd" },
      { name: "cpu,cpuacct", type: "cgroup", options: "cpu,cpuacct" },
      { name: "cpuset", type: "cgroup", options: "cpuset" },
    ],
  },
  {
    layout: "one hierarchy mounted twice, and one of somebody's container",
    lines: [
      ...unified,
      line("/sys/fs/cgroup/again", "cgroup2", "rw"),
      line("/var/lib/lxc/rootfs/sys/fs/cgroup", "cgroup", "rw,cpu"),
    ],
    expected: [{ name: "", type: "cgroup2", options: "" }],
  },
])("the hierarchies of a host: $layout", ({ lines, expected }) => {
  const found = hierarchies(lines.join("\n"));
  expect(
    found.map((hierarchy) => ({ name: mountName(hierarchy), type: hierarchy.type, options: hierarchy.options })),
  ).toEqual(expected);
});
