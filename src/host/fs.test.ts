import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Dir } from "../ports.ts";
import { hostFs, parseMounts } from "./fs.ts";

let path = "";
let root: Dir;
beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), "fs-test-"));
  root = await hostFs.openDirectory(path);
});
afterEach(async () => {
  await root.close();
  rmSync(path, { recursive: true, force: true });
});

test.each(["", ".", "..", "a/b", "/etc", "a\0b"])("%j is not a single name", async (name) => {
  await expect(root.openFile(name, "read")).rejects.toMatchObject({ code: "EINVAL" });
  await expect(root.createFile(name, 0o600)).rejects.toMatchObject({ code: "EINVAL" });
  await expect(root.rename("x", root, name)).rejects.toMatchObject({ code: expect.stringMatching(/EINVAL|ENOENT/) });
  await expect(root.unlink(name)).rejects.toMatchObject({ code: "EINVAL" });
});

test("links are never followed", async () => {
  mkdirSync(join(path, "real"));
  writeFileSync(join(path, "file"), "secret", { mode: 0o600 });
  symlinkSync("real", join(path, "directory-link"));
  symlinkSync("file", join(path, "file-link"));
  symlinkSync(path, `${path}-link`);
  try {
    await expect(root.openDirectory("directory-link")).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(root.openFile("file-link", "write")).rejects.toMatchObject({ code: "ELOOP" });
    await expect(root.chmod("file-link", 0o777)).rejects.toMatchObject({ code: "ELOOP" });
    await expect(root.createFile("file-link", 0o600)).rejects.toMatchObject({ code: "EEXIST" });
    await expect(hostFs.openDirectory(`${path}-link`)).rejects.toMatchObject({ code: "ENOTDIR" });
    expect((await root.lstat("file-link")).kind).toBe("link");
    expect((await root.lstat("file")).mode).toBe(0o600);
  } finally {
    rmSync(`${path}-link`);
  }
});

test("a FIFO nobody reads is refused, not waited for", async () => {
  execFileSync("mkfifo", [join(path, "fifo")]);
  await expect(root.openFile("fifo", "read")).rejects.toMatchObject({ code: "ENOTREG" });
  await expect(root.openFile("fifo", "write")).rejects.toMatchObject({ code: "ENOTREG" });
});

test("a pinned directory stays the same one, whatever takes its name", async () => {
  mkdirSync(join(path, "pinned"));
  const pinned = await root.openDirectory("pinned");
  renameSync(join(path, "pinned"), join(path, "moved"));
  mkdirSync(join(path, "pinned"));
  const file = await pinned.createFile("new", 0o644);
  await file.close();
  await pinned.close();
  expect(await root.list()).toEqual(["moved", "pinned"]);
  expect(readFileSync(join(path, "moved", "new"), "utf8")).toBe("");
});

test("a file is written at its positions, and read back", async () => {
  const file = await root.createFile("file", 0o640);
  const pieces = Array.from({ length: 3000 }, (_, index) => Buffer.from(`${index},`));
  await file.write(pieces, 5);
  await file.truncate(5 + Buffer.concat(pieces).length);
  await file.sync();
  const whole = Buffer.alloc((await file.stat()).size);
  expect(await file.read(whole, 0)).toBe(whole.length);
  expect(whole.subarray(5)).toEqual(Buffer.concat(pieces));
  await file.close();
});

test("the mount of a directory is told", async () => {
  const mounts = await hostFs.mounts();
  const id = await root.mountId();
  const mount = mounts.find((candidate) => candidate.id === id);
  expect(mount && path.startsWith(mount.point)).toBe(true);
  expect((await root.space()).free).toBeGreaterThan(0);
});

test("mountinfo is read as the kernel writes it", () => {
  const text = [
    "36 35 98:0 /mnt1 /mnt/with\\040blank rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
    "37 35 0:45 / /var/lib/concourse ro,nosuid shared:2 master:1 - ext4 /dev/vda rw",
    "38 35 0:46 / /x rw - tmpfs tmp\\011fs ro,size=4k",
    "",
  ].join("\n");
  expect(parseMounts(text)).toEqual([
    { id: 36, point: "/mnt/with blank", type: "ext3", source: "/dev/root", readOnly: false },
    { id: 37, point: "/var/lib/concourse", type: "ext4", source: "/dev/vda", readOnly: true },
    { id: 38, point: "/x", type: "tmpfs", source: "tmp\tfs", readOnly: true },
  ]);
});
