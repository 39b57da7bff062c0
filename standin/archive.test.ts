import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { standInArchive } from "./archive.ts";
import { noise, prose } from "./noise.ts";
import { RESOURCE_TYPES } from "./recipe.ts";
import { tgz } from "./tarball.ts";

const run = promisify(execFile);
const MB = 1_000_000;

let cache: string;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "stand-in-cache-"));
});

afterEach(() => rm(cache, { recursive: true, force: true }));

interface Member {
  readonly type: string;
  readonly size: number;
  readonly name: string;
}

async function list(path: string): Promise<Member[]> {
  const { stdout } = await run("tar", ["-tvzf", path, "--numeric-owner"]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [mode = "", , size = "", , , name = ""] = line.split(/\s+/);
      return { type: mode.charAt(0), size: Number(size), name };
    });
}

test("an archive has the shape of a real release", { timeout: 120_000 }, async () => {
  const archive = await standInArchive({ cache });
  expect(basename(archive.path)).toBe(`concourse-7.14.3-linux-${process.arch === "arm64" ? "arm64" : "amd64"}.tgz`);
  expect(archive.size).toBeGreaterThan(165 * MB);
  expect(archive.size).toBeLessThan(175 * MB);
  const members = await list(archive.path);
  const files = members.filter(({ type }) => type === "-");
  expect(files.length).toBeGreaterThanOrEqual(60);
  expect(files.reduce((total, { size }) => total + size, 0)).toBeGreaterThan(400 * MB);
  // Images and fly are noise: more than half of what is sent.
  const stored = files.filter(({ name }) => /(rootfs\.tgz|fly-[^/]*\.(tgz|zip))$/.test(name));
  expect(stored.reduce((total, { size }) => total + size, 0)).toBeGreaterThan(archive.size / 2);
  expect(members.every(({ name, type }) => name.startsWith("concourse/") && (type === "d" || type === "-"))).toBe(true);
  const names = new Set(members.map(({ name }) => name));
  for (const name of ["bin/concourse", "bin/containerd", "bin/init", "bin/bridge", "fly-assets/fly-linux-amd64.tgz"]) {
    expect(names).toContain(`concourse/${name}`);
  }
  for (const type of RESOURCE_TYPES) {
    expect(names).toContain(`concourse/resource-types/${type}/resource_metadata.json`);
    expect(names).toContain(`concourse/resource-types/${type}/rootfs.tgz`);
  }
});

test("made twice at once, it has the same bytes and leaves nothing else", { timeout: 120_000 }, async () => {
  const [first, second] = await Promise.all([standInArchive({ cache }), standInArchive({ cache })]);
  expect(second).toEqual(first);
  const bytes = await readFile(first.path);
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(first.sha256);
  expect(await readFile(`${first.path}.sha256`, "utf8")).toBe(`${first.sha256}  ${basename(first.path)}\n`);
  expect(await readdir(join(cache, "stand-in"))).toHaveLength(1);
  await rm(cache, { recursive: true });
  expect((await standInArchive({ cache })).sha256).toBe(first.sha256);
  const other = await standInArchive({ cache, version: "8.2.5" });
  expect(basename(other.path)).toContain("8.2.5");
  expect(other.sha256).not.toBe(first.sha256);
});

test("tar and gzip read what the writer writes, stored and compressed", async () => {
  const contents = { "a/noise": noise("a", 200_000), "a/prose": prose("b", 200_000), "a/empty": Buffer.alloc(0) };
  const archive = await tgz([
    { name: "a/", mode: 0o755 },
    { name: "a/noise", mode: 0o600, content: contents["a/noise"], stored: true },
    { name: "a/prose", mode: 0o755, content: contents["a/prose"] },
    { name: "a/empty", mode: 0o644 },
  ]);
  const unpacking = run("tar", ["-xzf", "-", "-C", cache]);
  unpacking.child.stdin?.end(archive);
  await unpacking;
  for (const [name, content] of Object.entries(contents)) {
    expect((await readFile(join(cache, name))).equals(content)).toBe(true);
  }
});

test("noise does not compress, prose does, both follow their seed", () => {
  expect(gzipSync(noise("x", 100_000)).length).toBeGreaterThan(100_000);
  expect(gzipSync(prose("x", 100_000)).length).toBeLessThan(12_000);
  for (const make of [noise, prose]) {
    expect(make("x", 5000).equals(make("x", 5000))).toBe(true);
    expect(make("x", 5000).equals(make("y", 5000))).toBe(false);
    expect(make("x", 4999)).toHaveLength(4999);
  }
});
