import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Entry, paxRecords, release, tar } from "../../tests/fixtures/store/tar.ts";
import { directory, unpack, useDirectory } from "../../tests/fixtures/store/unpacking.ts";
import { ArchiveError } from "./tar-header.ts";

useDirectory();

const deep = `concourse/${"d/".repeat(40)}f`;

describe("refused, naming the entry", () => {
  const file = (path: string): Entry => ({ path, content: "x" });
  const link = (path: string, target: string): Entry => ({ path, type: "2", target });
  const cases: Record<string, readonly [readonly Entry[], RegExp]> = {
    "an absolute name": [[file("/etc/passwd")], /\/etc\/passwd: an absolute name/],
    "a name that leaves": [[file("concourse/../../evil")], /evil: leads out/],
    "a name that leaves at once": [[file("../evil")], /evil: leads out/],
    "a name beside the top directory": [[file("other/x")], /other\/x: is not below/],
    "no name": [[file("")], /not a directory/],
    "the top directory as a file": [[file("concourse")], /concourse: not a directory/],
    "a pax path that leaves": [[{ path: "x", pax: { path: "concourse/../../evil" }, content: "x" }], /evil: leads out/],
    "an empty component": [[file("concourse//x")], /a name that no release has/],
    "a control character": [[file("concourse/a\nb")], /concourse\/a\\nb: a name/],
    "a backslash": [[file("concourse/a\\..\\b")], /a name that no release has/],
    "a deep name": [[file(deep)], /a name that no release has/],
    "our own manifest": [[file("concourse/manifest.json")], /manifest.json: a name that is ours/],
    "a link out": [[link("concourse/l", "../../etc")], /concourse\/l: a link that leads out/],
    "an absolute link": [[link("concourse/l", "/etc/passwd")], /concourse\/l: an absolute name/],
    "a link to nothing": [[link("concourse/l", "nothing")], /l: a link that leads nowhere/],
    "an empty link": [[link("concourse/l", "")], /l: a link that leads nowhere/],
    "a link over a link": [
      [file("concourse/a/b/f"), link("concourse/a/b/up", "../.."), link("concourse/l", "a/b/up/a")],
      /l: a link that leads nowhere/,
    ],
    "a link with .. in its middle": [
      [file("concourse/a/f"), link("concourse/l", "a/../a/f")],
      /l: a link that leads out/,
    ],
    "a file below a link": [
      [file("concourse/a/f"), link("concourse/l", "a"), file("concourse/l/evil")],
      /evil: l is no directory/,
    ],
    "a file below a file": [[file("concourse/a"), file("concourse/a/b")], /a\/b: a is no directory/],
    "a hard link out": [[{ path: "concourse/h", type: "1", target: "/etc/shadow" }], /shadow: an absolute name/],
    "a hard link to nothing": [
      [{ path: "concourse/h", type: "1", target: "concourse/x" }],
      /h: a hard link to what is no file/,
    ],
    "a character device": [[{ path: "concourse/d", type: "3" }], /concourse\/d: a device/],
    "a block device": [[{ path: "concourse/d", type: "4" }], /concourse\/d: a device/],
    "a FIFO": [[{ path: "concourse/p", type: "6" }], /concourse\/p: a FIFO/],
    "a sparse file": [[{ path: "concourse/s", type: "S" }], /concourse\/s: a sparse file/],
    "a pax sparse file": [[{ path: "concourse/s", pax: { "GNU.sparse.major": "1" } }], /a sparse file/],
    "an unknown type": [[{ path: "concourse/s", type: "V" }], /unknown type/],
    setuid: [[{ path: "concourse/su", mode: 0o4755, content: "x" }], /concourse\/su: setuid/],
    setgid: [[{ path: "concourse/sg", mode: 0o2755, content: "x" }], /concourse\/sg: setuid/],
    "a name twice": [[file("concourse/a"), file("concourse/a")], /concourse\/a: comes twice/],
    "names that differ in case": [[file("concourse/a"), file("concourse/A")], /concourse\/A: collides with a/],
    "directories that differ in case": [[file("concourse/d/a"), file("concourse/D/b")], /D\/b: collides with d/],
    "names that differ in form": [[file("concourse/\u00e9"), file("concourse/e\u0301")], /collides/],
    "a size without bounds": [
      [{ path: "concourse/x", rawSize: `\x80${"\xff".repeat(11)}` }],
      /a number without bounds/,
    ],
    "a size that is none": [[{ path: "concourse/x", rawSize: "zzzzzzzzzzz\0" }], /a number that is none/],
    "a bomb": [
      [{ path: "concourse/x", rawSize: "\x80\0\0\0\0\0\0\x08\0\0\0\0" }, file("concourse/y")],
      /x: larger than any release/,
    ],
    "a directory with contents": [[{ path: "concourse/d", type: "5", content: "x" }], /a directory with contents/],
    "a huge header": [[{ path: "pax", type: "x", size: 1e6, content: "" }], /a header of 1000000 bytes/],
    "a broken pax header": [[{ path: "pax", type: "x", content: "99 path=x\n" }], /a broken pax header/],
    "a pax key twice": [
      [{ path: "pax", type: "x", content: paxRecords({ path: "concourse/a" }).repeat(2) }],
      /pax key path twice/,
    ],
    "two names for one entry": [
      [
        { path: "l", type: "L", content: "concourse/a\0" },
        { path: "x", pax: { path: "concourse/b" }, content: "" },
      ],
      /two names for one entry/,
    ],
    "a global path": [
      [{ path: "g", type: "g", content: paxRecords({ path: "concourse/a" }) }, file("concourse/x")],
      /a global header that names a file/,
    ],
    "a wrong checksum": [
      [file("concourse/a"), { path: "concourse/b", badChecksum: true }],
      /no tar header.*after concourse\/a/,
    ],
    "no magic": [[{ path: "concourse/b", format: "none" }], /no tar header/],
  };
  test.each(Object.entries(cases))("%s", async (_, [entries, message]) => {
    await expect(unpack(tar(entries))).rejects.toThrow(message);
    expect(readdirSync(directory)).toEqual(["inside"]);
  });

  test("something behind the end", async () => {
    await expect(unpack(Buffer.concat([tar(release()), Buffer.from("more")]))).rejects.toThrow(/follows the end/);
  });

  test("an end that never comes", async () => {
    const bytes = tar(release());
    await expect(unpack(bytes.subarray(0, 3000))).rejects.toMatchObject({ truncated: true });
  });
});

test("names never lead out, whatever they are", async () => {
  const part = fc.constantFrom(
    "concourse",
    "..",
    ".",
    "",
    "a",
    "A",
    "bin",
    "\u00e9",
    "/",
    "manifest.json",
    "a\0b",
    " ",
  );
  const path = fc.array(part, { maxLength: 5 }).map((parts) => parts.join("/"));
  const entry = fc.record({
    path,
    type: fc.constantFrom("0", "0", "0", "5", "2", "1", "3", "6", "x", "L", "S"),
    target: path,
    content: fc.constantFrom("", "x", "30 path=concourse/../../evil\n"),
    mode: fc.constantFrom(0o644, 0o755, 0o4755),
  });
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 6 }), fc.integer({ min: 1, max: 2000 }), async (entries, piece) => {
      const into = `inside${number++}`;
      await unpack(tar(entries), piece, into).catch((error: unknown) => expect(error).toBeInstanceOf(ArchiveError));
      expect(readdirSync(directory).every((name) => name.startsWith("inside"))).toBe(true);
      rmSync(join(directory, into), { recursive: true, force: true });
    }),
    { numRuns: 400 },
  );
});

test("a byte changed anywhere is noticed or harmless, never an escape or a crash", async () => {
  const good = tar(release());
  let number = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.nat(good.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.nat(good.length),
      async (at, change, end) => {
        const bytes = Buffer.from(good);
        bytes[at] = (bytes[at] ?? 0) ^ change;
        const into = `inside${number++}`;
        await unpack(bytes.subarray(0, end % 3 === 0 ? end : bytes.length), 4096, into).catch((error: unknown) =>
          expect(error).toBeInstanceOf(ArchiveError),
        );
        expect(readdirSync(directory)).toEqual([into]);
        rmSync(join(directory, into), { recursive: true, force: true });
      },
    ),
    { numRuns: 300 },
  );
});
