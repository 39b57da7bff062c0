import type { Dir, File, Hasher, Ports } from "../ports.ts";
import { entryPath, folded, linkPath } from "./paths.ts";
import { Queue } from "./queue.ts";
import { ArchiveError, show, type TarEntry } from "./tar-header.ts";
import type { TarSink } from "./tar.ts";
import type { Manifest, ManifestFile } from "./types.ts";
import { Writer } from "./writer.ts";

/** Far above any release (1.7 GB in some hundred entries), far below what hurts. */
const MOST_BYTES = 16 * 1024 ** 3;
const MOST_ENTRIES = 50_000;
/** Each keeps a descriptor open until the end. */
const MOST_DIRECTORIES = 500;
/** Files that may wait for their `fsync`; each keeps a descriptor open. */
const OPEN_FILES = 16;

export type Contents = Pick<Manifest, "directories" | "files" | "links">;

interface Current {
  readonly path: string;
  readonly mode: number;
  readonly file: File;
  readonly writer: Writer;
  readonly hasher: Hasher;
  size: number;
}

/**
 * Unpacks a release into a staging directory: nothing but regular files, directories and links that stay inside, each
 * name once. Files become durable in the background while the next ones are written; their modes are their last ones.
 */
export class Unpacker implements TarSink {
  readonly #hash: Ports["hash"];
  readonly #queue = new Queue(OPEN_FILES);
  /** By path; the release itself is "". A directory stands behind those above it. */
  readonly #directories: Map<string, Dir>;
  readonly #files = new Map<string, ManifestFile>();
  readonly #links = new Map<string, string>();
  readonly #folded = new Map<string, string>();
  readonly #open = new Set<File>();
  #current: Current | null = null;
  #bytes = 0;

  /** `root`: an empty directory of our own; stays open. */
  constructor(ports: Pick<Ports, "hash">, root: Dir) {
    this.#hash = ports.hash;
    this.#directories = new Map([["", root]]);
  }

  async entry(entry: TarEntry): Promise<void> {
    const parts = entryPath(entry.path);
    this.#bytes += entry.size;
    if (this.#bytes > MOST_BYTES || this.#folded.size >= MOST_ENTRIES) {
      throw new ArchiveError(`${show(entry.path)}: larger than any release`);
    }
    if ((entry.mode & 0o7000) !== 0) {
      throw new ArchiveError(`${show(entry.path)}: setuid, setgid or sticky`);
    }
    if (parts.length === 0) {
      this.#expectDirectory(entry);
      return;
    }
    const name = parts.at(-1) ?? "";
    const above = parts.slice(0, -1);
    // Archives may leave out directories.
    for (const [index] of above.entries()) {
      await this.#addDirectory(above.slice(0, index + 1), entry.path);
    }
    await this.#create(entry, above, name);
  }

  async data(bytes: Uint8Array): Promise<void> {
    const current = this.#expectCurrent();
    current.hasher.update(bytes);
    current.size += bytes.length;
    await current.writer.add(bytes);
  }

  async finish(): Promise<void> {
    const { path, mode, file, writer, hasher, size } = this.#expectCurrent();
    await writer.finish();
    this.#current = null;
    this.#files.set(path, { path, size, mode, sha256: hasher.digest() });
    await this.#queue.add(async () => {
      await file.chmod(mode);
      await file.sync();
      this.#open.delete(file);
      await file.close();
    });
  }

  /** Ends it well: everything below the root is durable and read-only. */
  async complete(): Promise<Contents> {
    for (const [path, target] of this.#links) {
      this.#checkLink(path, target);
    }
    if (this.#files.size === 0) {
      throw new ArchiveError("there is nothing in it");
    }
    await this.#queue.idle();
    const directories = [...this.#directories.keys()].filter((path) => path !== "");
    for (const path of directories.toReversed()) {
      const parts = path.split("/");
      await this.#directory(parts.slice(0, -1)).chmod(parts.at(-1) ?? "", 0o555);
      await this.#directory(parts).sync();
    }
    return {
      directories: directories.toSorted(),
      files: [...this.#files.values()].toSorted(byPath),
      links: [...this.#links].map(([path, target]) => ({ path, target })).toSorted(byPath),
    };
  }

  /** Closes all that is open; to be called in any case. What was unpacked stays. */
  async close(): Promise<void> {
    await this.#queue.idle().catch(() => undefined);
    await this.#current?.writer.finish().catch(() => undefined);
    for (const file of this.#open) {
      await file.close();
    }
    for (const [path, directory] of this.#directories) {
      if (path !== "") {
        await directory.close();
      }
    }
  }

  #expectCurrent(): Current {
    if (this.#current === null) {
      throw new Error("contents without a file");
    }
    return this.#current;
  }

  #expectDirectory(entry: TarEntry): void {
    if (entry.kind !== "directory") {
      throw new ArchiveError(`${show(entry.path)}: not a directory`);
    }
  }

  async #addDirectory(parts: readonly string[], shown: string): Promise<void> {
    const path = parts.join("/");
    if (this.#directories.has(path)) {
      return;
    }
    if (this.#files.has(path) || this.#links.has(path)) {
      throw new ArchiveError(`${show(shown)}: ${show(path)} is no directory`);
    }
    if (this.#directories.size > MOST_DIRECTORIES) {
      throw new ArchiveError(`${show(shown)}: more directories than any release has`);
    }
    this.#claim(path, shown);
    const above = this.#directory(parts.slice(0, -1));
    const name = parts.at(-1) ?? "";
    await above.makeDirectory(name, 0o700);
    this.#directories.set(path, await above.openDirectory(name));
  }

  /** Every name once, and no two that differ in case alone. */
  #claim(path: string, shown: string): void {
    const taken = this.#folded.get(folded(path));
    if (taken !== undefined) {
      throw new ArchiveError(`${show(shown)}: ${taken === path ? "comes twice" : `collides with ${show(taken)}`}`);
    }
    this.#folded.set(folded(path), path);
  }

  async #create(entry: TarEntry, above: readonly string[], name: string): Promise<void> {
    const path = [...above, name].join("/");
    if (entry.kind === "directory") {
      await this.#addDirectory([...above, name], entry.path);
      return;
    }
    this.#claim(path, entry.path);
    const directory = this.#directory(above);
    if (entry.kind === "file") {
      await this.#createFile(directory, path, name, entry.mode);
    } else if (entry.kind === "symlink") {
      linkPath(above, entry.target, entry.path);
      await directory.symlink(entry.target, name);
      this.#links.set(path, entry.target);
    } else {
      await this.#hardLink(entry, directory, path, name);
    }
  }

  async #createFile(directory: Dir, path: string, name: string, archived: number): Promise<void> {
    const file = await directory.createFile(name, 0o600);
    this.#open.add(file);
    const mode = (archived & 0o111) === 0 ? 0o444 : 0o555;
    const writer = new Writer(file, 0, this.#queue);
    this.#current = { path, mode, file, writer, hasher: this.#hash.sha256(), size: 0 };
  }

  /** Only to a file that this archive has brought already. */
  async #hardLink(entry: TarEntry, directory: Dir, path: string, name: string): Promise<void> {
    const parts = entryPath(entry.target);
    const file = this.#files.get(parts.join("/"));
    if (file === undefined) {
      throw new ArchiveError(`${show(entry.path)}: a hard link to what is no file of the archive`);
    }
    await this.#directory(parts.slice(0, -1)).link(parts.at(-1) ?? "", directory, name);
    this.#files.set(path, { ...file, path });
  }

  /** Its whole way must be directories, and its end must be there. */
  #checkLink(path: string, target: string): void {
    const led = linkPath(path.split("/").slice(0, -1), target, path);
    const way = led.slice(0, -1).map((_, index) => led.slice(0, index + 1).join("/"));
    const end = led.join("/");
    const there = this.#directories.has(end) || this.#files.has(end) || this.#links.has(end);
    if (!there || !way.every((part) => this.#directories.has(part))) {
      throw new ArchiveError(`${show(path)}: a link that leads nowhere`);
    }
  }

  #directory(parts: readonly string[]): Dir {
    const directory = this.#directories.get(parts.join("/"));
    if (directory === undefined) {
      throw new Error(`directory ${parts.join("/")} was never made`);
    }
    return directory;
  }
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : 1;
}
