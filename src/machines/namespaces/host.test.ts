import { dirname, resolve } from "node:path";
import { expect, test } from "vitest";
import { lowerRoots, ownPaths } from "./host.ts";
import { mounts } from "../mountinfo.ts";

const mountinfo = [
  "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
  "28 27 254:1 / /usr ro,relatime shared:1 - ext4 /dev/vdb ro",
  "29 27 254:2 / /home rw - ext4 /dev/vdc rw",
  "30 27 0:30 / /srv rw - tmpfs tmpfs rw",
  "31 27 254:3 /sub\\040vol /var/lib rw,nosuid shared:2 master:1 - btrfs /dev/vdd rw,subvol=/sub\\040vol",
  "",
].join("\n");

test("mountinfo: optional fields and escaped characters", () => {
  expect(mounts(mountinfo).at(-1)).toEqual({
    path: "/var/lib",
    options: "rw,nosuid",
    type: "btrfs",
    source: "/dev/vdd",
    superOptions: "rw,subvol=/sub\\040vol",
  });
});

test("a machine's root lies over every file system of the host that it needs, outer ones first", () => {
  expect(lowerRoots(mountinfo)).toEqual(["/", "/usr", "/var/lib"]);
});

test("the clone is hidden with what lies beside it, system directories never are", () => {
  const clone = resolve(import.meta.dirname, "../../..");
  const own = ownPaths("/opt/machine");
  expect([clone, dirname(clone)]).toContain(own[0]);
  expect(own).toContain("/opt/machine");
  expect(ownPaths("/var/lib/concourse-machine/models/m/machines/0")).toContain(
    "/var/lib/concourse-machine/models/m/machines",
  );
});
