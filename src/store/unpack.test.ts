import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { treeOf } from "../../tests/fixtures/store/place.ts";
import { type Entry, paxRecords, release, tar } from "../../tests/fixtures/store/tar.ts";
import { directory, unpack, useDirectory } from "../../tests/fixtures/store/unpacking.ts";
import { hostPorts } from "../host/ports.ts";
import { flawOf } from "./inspect.ts";
import { manifestOf, readManifest, writeManifest } from "./manifest.ts";

useDirectory();

const TARGET = { version: "7.14.3", arch: "amd64" as const, sha256: "a".repeat(64) };

test("what is unpacked is what the manifest says, in any slicing", async () => {
  const whole = await unpack(tar(release()), undefined, "whole");
  const sliced = await unpack(tar(release()), 7, "sliced");
  expect(sliced).toEqual(whole);
  expect(treeOf(join(directory, "sliced"))).toEqual(treeOf(join(directory, "whole")));
  expect(whole.files.map(({ path, mode }) => [path, mode])).toEqual([
    ["bin/concourse", 0o555],
    ["fly-assets/fly-linux-amd64.tgz", 0o444],
    ["resource-types/git/empty", 0o444],
    ["resource-types/git/rootfs.tgz", 0o444],
  ]);
  expect(whole.links).toEqual([{ path: "bin/gdn", target: "concourse" }]);
  const text = writeManifest(manifestOf(TARGET, whole));
  expect(readManifest(text)).toEqual(manifestOf(TARGET, whole));
  writeFileSync(join(directory, "whole", "manifest.json"), text, { mode: 0o444 });
  const root = await hostPorts.fs.openDirectory(join(directory, "whole"));
  expect(await flawOf(hostPorts, root, manifestOf(TARGET, whole), "all")).toBeNull();
  await root.close();
});

const long = `concourse/${"n".repeat(90)}/${"m".repeat(90)}`;

describe("unusual but good", () => {
  const cases: Record<string, readonly Entry[]> = {
    "a leading ./": [{ path: "./concourse/bin/x", content: "x" }],
    "a file without a final slash on its directory": [
      { path: "concourse", type: "5", mode: 0o755 },
      { path: "concourse/x", content: "x" },
    ],
    "a pax path": [{ path: "short", pax: { path: long, mtime: "1.5" }, content: "x" }],
    "a GNU long name": [
      { path: "././@LongLink", type: "L", content: `${long}\0`, format: "gnu" },
      { path: "cut", content: "x", format: "gnu" },
    ],
    "a global comment": [
      { path: "pax_global_header", type: "g", content: paxRecords({ comment: "1a2b" }) },
      { path: "concourse/x", content: "x" },
    ],
    "a hard link inside": [
      { path: "concourse/a", content: "x" },
      { path: "concourse/b", type: "1", target: "concourse/a" },
    ],
    "a link upwards inside": [
      { path: "concourse/bin/x", content: "x" },
      { path: "concourse/lib/y", type: "2", target: "../bin/x" },
    ],
    "a size in base 256": [{ path: "concourse/x", content: "abc", rawSize: `\x80${"\0".repeat(10)}\x03` }],
  };
  test.each(Object.entries(cases))("%s", async (_, entries) => {
    const { files } = await unpack(tar(entries));
    expect(files.length).toBeGreaterThan(0);
  });
});
