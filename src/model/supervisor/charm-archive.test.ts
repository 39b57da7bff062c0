import { execFileSync } from "node:child_process";
import { createWriteStream } from "node:fs";
import { lstat, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ZipFile } from "yazl";
import { obsoleteFiles, programFor, readCharmArchive, readManifest, writeCharmTar } from "./charm-archive.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "charm-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function zip(files: Record<string, { text: string; mode: number }>): Promise<string> {
  const path = join(directory, "some.charm");
  const archive = new ZipFile();
  for (const [name, { text, mode }] of Object.entries(files)) archive.addBuffer(Buffer.from(text), name, { mode });
  archive.end();
  await pipeline(archive.outputStream, createWriteStream(path));
  return path;
}

test("the tar holds what the zip did: names, modes, links, contents", async () => {
  const long = `lib/${"long-name/".repeat(20)}file`;
  const path = await zip({
    "metadata.yaml": { text: "name: a\n", mode: 0o100644 },
    dispatch: { text: "#!/bin/sh\n", mode: 0o100755 },
    "secret.key": { text: "x", mode: 0o100600 },
    link: { text: "dispatch", mode: 0o120777 },
    "empty/file": { text: "", mode: 0o100644 },
    [long]: { text: "deep", mode: 0o100644 },
  });
  const { files, texts } = await readCharmArchive(path);
  expect(texts).toEqual({ "metadata.yaml": "name: a\n" });
  expect(files.map(({ name, mode }) => [name, mode])).toContainEqual(["dispatch", 0o755]);

  const tar = join(directory, "some.tar");
  await writeCharmTar(path, tar);
  execFileSync("tar", ["-x", "-p", "-f", tar, "-C", directory]);
  expect((await lstat(join(directory, "dispatch"))).mode & 0o777).toBe(0o755);
  expect((await lstat(join(directory, "secret.key"))).mode & 0o777).toBe(0o600);
  expect(await readlink(join(directory, "link"))).toBe("dispatch");
  expect(await readFile(join(directory, long), "utf8")).toBe("deep");
  expect((await lstat(join(directory, "empty/file"))).size).toBe(0);
  expect((await readManifest(tar)).map(({ name }) => name)).toEqual(files.map(({ name }) => name));
});

test("a charm that does not unpack is named, and leaves nothing", async () => {
  const path = await zip({ dispatch: { text: "some text ".repeat(100), mode: 0o100755 } });
  const bytes = await readFile(path);
  const data = bytes.indexOf("dispatch") + "dispatch".length;
  await writeFile(path, bytes.fill(0x5a, data + 2, data + 12));
  await expect(writeCharmTar(path, join(directory, "some.tar"))).rejects.toThrow(
    /^\S+some.charm is not a charm: .+\. Pack it/,
  );
  expect(await readdir(directory)).toEqual(["some.charm"]);
});

test("what is no charm is said in one line", async () => {
  await writeFile(join(directory, "text"), "hello");
  await expect(readCharmArchive(join(directory, "text"))).rejects.toThrow(/is not a charm/);
  await expect(readCharmArchive(join(directory, "none"))).rejects.toThrow(/there is no file/);
});

test("an upgrade deletes what only the old charm had", () => {
  const file = (name: string) => ({ name, mode: 0o644, link: false });
  expect(obsoleteFiles([file("a"), file("b/c")], [file("a"), file("d")])).toEqual(["b/c"]);
});

test.each([
  [["dispatch", "hooks/install"], { kind: "dispatch" }],
  [["hooks/install"], { kind: "script", path: "hooks/install" }],
  [["hooks/start"], { kind: "missing" }],
])("with %j install is served by", (names, expected) => {
  const files = names.map((name) => ({ name, mode: 0o755, link: false }));
  expect(programFor(files, "hooks/install")).toEqual(expected);
});
