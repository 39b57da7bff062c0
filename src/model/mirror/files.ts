/** The archives a mirror offers, found anew at each request so that a release can be added while it runs. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { compare } from "semver";

export interface MirrorFile {
  readonly name: string;
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly modified: Date;
  /** Strong validator, from size, time and inode. */
  readonly etag: string;
}

const ARCHIVE = /^concourse-(.+)-linux-(amd64|arm64)\.tgz$/;

export class Files {
  readonly #paths: () => Promise<string[]>;
  readonly #digests = new Map<string, Promise<string>>();

  /** `source`: a directory that holds archives, or the paths of archives. */
  constructor(source: string | readonly string[]) {
    this.#paths =
      typeof source === "string"
        ? async () => (await readdir(source)).map((name) => join(source, name))
        : async () => [...source];
  }

  async find(name: string): Promise<MirrorFile | null> {
    if (!ARCHIVE.test(name)) return null;
    const path = (await this.#paths()).find((candidate) => basename(candidate) === name);
    if (path === undefined) return null;
    const info = await stat(path).catch(() => null);
    if (info === null) return null;
    const etag = `"${info.size.toString(16)}-${Math.round(info.mtimeMs).toString(16)}-${info.ino.toString(16)}"`;
    return { name, path, size: info.size, modified: info.mtime, etag };
  }

  /** Lower-case hex; from the `.sha256` beside the archive, else computed once. */
  digest(file: MirrorFile): Promise<string> {
    const key = `${file.path} ${file.etag}`;
    const known = this.#digests.get(key) ?? readDigest(file.path);
    this.#digests.set(key, known);
    return known;
  }

  /** Newest version of which there is an archive, or null: semver order, pre-releases never. */
  async latest(): Promise<string | null> {
    const versions = (await this.#paths())
      .map((path) => ARCHIVE.exec(basename(path))?.[1])
      .filter((version) => version !== undefined && /^\d+\.\d+\.\d+$/.test(version)) as string[];
    return versions.toSorted(compare).at(-1) ?? null;
  }

  async names(): Promise<string[]> {
    const names = (await this.#paths()).map((path) => basename(path));
    return names.filter((name) => ARCHIVE.test(name)).toSorted();
  }
}

/** Where a mirror finds archives: a directory of them, or one. null: there is no such path, or it is no archive. */
export async function sourceOf(path: string): Promise<string | readonly string[] | null> {
  const info = await stat(path).catch(() => null);
  if (info?.isDirectory() === true) return path;
  return info?.isFile() === true && ARCHIVE.test(basename(path)) ? [path] : null;
}

async function readDigest(path: string): Promise<string> {
  const line = await readFile(`${path}.sha256`, "utf8").catch(() => "");
  const found = /^[0-9a-f]{64}/.exec(line);
  if (found !== null) return found[0];
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(piece as Buffer);
  return hash.digest("hex");
}
