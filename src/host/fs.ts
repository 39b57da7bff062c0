import { constants, promises as node, type Stats } from "node:fs";
import type { Dir, File, FileKind, Fs, Mount, Space, Stat } from "../ports.ts";

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;

/** Files of this machine. Every name is resolved below a descriptor through `/proc/self/fd`, one component at a time. */
export const hostFs: Fs = {
  openDirectory: async (path) => new HostDir(await node.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)),
  mounts: async () => parseMounts(await node.readFile("/proc/self/mountinfo", "utf8")),
};

/** A pinned directory; `lock.ts` needs the class to hand a descriptor to a child. */
export class HostDir implements Dir {
  readonly #handle: node.FileHandle;

  constructor(handle: node.FileHandle) {
    this.#handle = handle;
  }

  /** A path that means this name in the pinned directory, wherever that has moved meanwhile. */
  path(name: string): string {
    if (name === "" || name === "." || name === ".." || name.includes("/") || name.includes("\0")) {
      throw failure("EINVAL", `not a single name: ${JSON.stringify(name)}`);
    }
    return `${this.#own()}/${name}`;
  }

  #own(): string {
    return `/proc/self/fd/${this.#handle.fd}`;
  }

  async openDirectory(name: string): Promise<Dir> {
    return new HostDir(await node.open(this.path(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  }

  async makeDirectory(name: string, mode: number): Promise<void> {
    await node.mkdir(this.path(name), { mode });
  }

  async removeDirectory(name: string): Promise<void> {
    await node.rmdir(this.path(name));
  }

  async openFile(name: string, access: "read" | "write"): Promise<File> {
    const path = this.path(name);
    regular(await node.lstat(path), name);
    // O_NONBLOCK: what was a file a moment ago may be a FIFO by now, and nobody waits for its other end.
    const flags = access === "read" ? O_RDONLY : O_RDWR;
    const handle = await node.open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    try {
      regular(await handle.stat(), name);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new HostFile(handle);
  }

  async createFile(name: string, mode: number): Promise<File> {
    return new HostFile(await node.open(this.path(name), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
  }

  async link(name: string, to: Dir, toName: string): Promise<void> {
    await node.link(this.path(name), host(to).path(toName));
  }

  async symlink(target: string, name: string): Promise<void> {
    await node.symlink(target, this.path(name));
  }

  async readlink(name: string): Promise<string> {
    return node.readlink(this.path(name));
  }

  async unlink(name: string): Promise<void> {
    await node.unlink(this.path(name));
  }

  async rename(name: string, to: Dir, toName: string): Promise<void> {
    await node.rename(this.path(name), host(to).path(toName));
  }

  async chmod(name: string, mode: number): Promise<void> {
    const handle = await node.open(this.path(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    try {
      await handle.chmod(mode);
    } finally {
      await handle.close();
    }
  }

  async lstat(name: string): Promise<Stat> {
    return describe(await node.lstat(this.path(name)));
  }

  async list(): Promise<string[]> {
    const names = await node.readdir(this.#own());
    return names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  async stat(): Promise<Stat> {
    return describe(await this.#handle.stat());
  }

  async mountId(): Promise<number> {
    const info = await node.readFile(`/proc/self/fdinfo/${this.#handle.fd}`, "utf8");
    return Number(/^mnt_id:\s*(\d+)$/m.exec(info)?.[1]);
  }

  async space(): Promise<Space> {
    const { bsize, blocks, bavail } = await node.statfs(this.#own());
    return { total: bsize * blocks, free: bsize * bavail };
  }

  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
  }
}

class HostFile implements File {
  readonly #handle: node.FileHandle;

  constructor(handle: node.FileHandle) {
    this.#handle = handle;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.read(into, 0, into.length, position)).bytesRead;
  }

  async write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    let left = [...chunks];
    let at = position;
    while (left.length > 0) {
      const { bytesWritten } = await this.#handle.writev(left, at);
      at += bytesWritten;
      left = dropBytes(left, bytesWritten);
    }
  }

  async truncate(length: number): Promise<void> {
    await this.#handle.truncate(length);
  }

  async chmod(mode: number): Promise<void> {
    await this.#handle.chmod(mode);
  }

  async stat(): Promise<Stat> {
    return describe(await this.#handle.stat());
  }

  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  async syncData(): Promise<void> {
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
  }
}

/** What a short write left over. */
function dropBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = count;
  for (const chunk of chunks) {
    if (skip < chunk.length) {
      left.push(chunk.subarray(skip));
    }
    skip = Math.max(0, skip - chunk.length);
  }
  return left;
}

function host(directory: Dir): HostDir {
  if (!(directory instanceof HostDir)) {
    throw failure("EXDEV", "a directory of another world");
  }
  return directory;
}

function kindOf(stats: Stats): FileKind {
  if (stats.isFile()) {
    return "file";
  }
  if (stats.isDirectory()) {
    return "directory";
  }
  return stats.isSymbolicLink() ? "link" : "other";
}

function describe(stats: Stats): Stat {
  return {
    kind: kindOf(stats),
    size: stats.size,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    device: stats.dev,
    inode: stats.ino,
    links: stats.nlink,
    modifiedMs: stats.mtimeMs,
    changedMs: stats.ctimeMs,
  };
}

function regular(stats: Stats, name: string): void {
  const kind = kindOf(stats);
  if (kind !== "file") {
    throw failure(kind === "link" ? "ELOOP" : "ENOTREG", `not a regular file: ${name}`);
  }
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

/**
 * `/proc/self/mountinfo`, in the kernel's order: of several mounts on one point the last one is seen.
 * Fields as in Linux, Documentation/filesystems/proc.rst, section 3.5.
 */
export function parseMounts(text: string): Mount[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [before = "", after = ""] = line.split(" - ");
      const [id, , , , point = "", options = ""] = before.split(" ");
      const [type = "", source = "", superOptions = ""] = after.split(" ");
      const readOnly = [options, superOptions].some((list) => list.split(",").includes("ro"));
      return { id: Number(id), point: unescape(point), type, source: unescape(source), readOnly };
    });
}

/** Blank, tab, newline and backslash are written in octal. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
