import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { scratchDirectory } from "../../../tests/fixtures/scratch.ts";
import { clientsHere } from "./installer.ts";

let top: string;
beforeEach(() => {
  top = scratchDirectory("clients-");
  for (const name of ["sbin", "bin", "empty", "snap"]) mkdirSync(join(top, name));
  const stub = '#!/bin/sh\nSNAP_BIN="/snap/bin/$(basename "$0")"\n[ -w "/run/lxd-installer.socket" ] || exit 1\n';
  writeFileSync(join(top, "sbin", "lxc"), stub, { mode: 0o755 });
  writeFileSync(join(top, "bin", "lxc"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(top, "snap", "lxc"), "");
});
afterEach(() => rmSync(top, { recursive: true }));

test.each<[string, string[], string, string[]]>([
  ["an lxc that would install LXD is left alone", ["empty", "sbin", "bin"], "none", ["incus"]],
  ["it only passes on to the snap where that is installed", ["sbin"], "snap/lxc", ["lxc", "incus"]],
  ["another lxc comes first", ["bin", "sbin"], "none", ["lxc", "incus"]],
  ["there is no lxc", ["empty"], "none", ["lxc", "incus"]],
])("%s", (_, directories, snap, clients) => {
  const path = directories.map((name) => join(top, name)).join(":");
  expect(clientsHere(path, join(top, snap))).toEqual(clients);
});
