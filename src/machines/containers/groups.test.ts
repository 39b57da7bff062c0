import { expect, test } from "vitest";
import { hierarchies } from "../hierarchies.ts";
import { payloadGroups } from "./groups.ts";

const mount = (path: string, type: string, options: string) => `30 20 0:26 / ${path} rw - ${type} cgroup ${options}`;

test.each([
  [
    "version 1 controllers one by one, systemd's own hierarchy, and version 2 beside them",
    [
      mount("/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"),
      mount("/sys/fs/cgroup/freezer", "cgroup", "rw,freezer"),
      mount("/sys/fs/cgroup/systemd", "cgroup", "rw,name=systemd"),
      mount("/sys/fs/cgroup/unified", "cgroup2", "rw"),
    ],
    "9:name=systemd:/lxc.payload.p_u/init.scope\n6:freezer:/lxc.payload.p_u\n2:cpu,cpuacct:/lxc.payload.p_u\n0::/lxc.payload.p_u/init.scope\n",
    [
      "/sys/fs/cgroup/cpu,cpuacct/lxc.payload.p_u",
      "/sys/fs/cgroup/freezer/lxc.payload.p_u",
      "/sys/fs/cgroup/systemd/lxc.payload.p_u",
      "/sys/fs/cgroup/unified/lxc.payload.p_u/.lxc",
    ],
  ],
  [
    "version 2 alone, below a group of the daemon's",
    [mount("/sys/fs/cgroup", "cgroup2", "rw")],
    "0::/machine.slice/lxc.payload.p_u/system.slice/x.service\n",
    ["/sys/fs/cgroup/machine.slice/lxc.payload.p_u/.lxc"],
  ],
  [
    "a hierarchy that the container is not in",
    [mount("/sys/fs/cgroup/pids", "cgroup", "rw,pids")],
    "0::/lxc.payload.p_u\n4:pids:/\n",
    [],
  ],
])("a command joins the container's groups: %s", (_, mountinfo, text, groups) => {
  expect(payloadGroups(hierarchies(mountinfo.join("\n")), text)).toEqual(groups);
});
