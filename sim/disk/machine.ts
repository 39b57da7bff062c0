/** One machine: a private disk under `/`, whatever is mounted on it, and its processes. */
import type { Mount } from "../../src/ports.ts";
import { Disk } from "./disk.ts";
import { type DirectoryNode, failure, type Node } from "./nodes.ts";
import { type Before, Process } from "./process.ts";

export interface Mounted {
  readonly id: number;
  readonly point: string;
  readonly disk: Disk;
  readOnly: boolean;
  /** Where it is: the mount and the directory below it; null for the machine's root. */
  at: { readonly mount: Mounted; readonly directory: DirectoryNode } | null;
}

/** A directory as it is reached: the same one can be in two mounts. */
export interface Place {
  readonly mount: Mounted;
  readonly directory: DirectoryNode;
  /** For people. */
  readonly path: string;
}

export interface MachineOptions {
  readonly now: () => number;
  /** Of the private disk. */
  readonly device?: number;
  /** Taken from the modes of what processes make. */
  readonly umask?: number;
}

const MOST_LINKS = 40;

export class Machine {
  readonly name: string;
  readonly umask: number;
  readonly #root: Mounted;
  readonly processes = new Set<Process>();
  #mounts: Mounted[] = [];
  /** Directories that something is, or was, mounted on: for all others there is nothing to look up. */
  readonly #covered = new Set<DirectoryNode>();
  #ids = 20;

  constructor(name: string, { now, device = 1, umask = 0o022 }: MachineOptions) {
    this.name = name;
    this.umask = umask;
    const disk = new Disk({ device, now });
    this.#root = { id: this.#ids++, point: "/", disk, readOnly: false, at: null };
  }

  /** The private disk. */
  get disk(): Disk {
    return this.#root.disk;
  }

  /** Changes of anything on all that is mounted: for tests that must see none. */
  get changes(): number {
    const disks = new Set([this.#root, ...this.#mounts].map(({ disk }) => disk));
    return [...disks].reduce((sum, { changes }) => sum + changes, 0);
  }

  /** A new process. `before` is awaited before each of its port calls: see `disk.ts`. */
  process(name: string, before: Before | null = null): Process {
    const process = new Process(this, name, before);
    this.processes.add(process);
    return process;
  }

  /** Mounts a disk; the directory is made if it is not there. */
  attach(point: string, disk: Disk, { readOnly = false } = {}): Mounted {
    this.makeDirectories(point);
    const { mount, directory } = this.walk(point);
    const mounted: Mounted = { id: this.#ids++, point, disk, readOnly, at: { mount, directory } };
    this.#mounts.push(mounted);
    this.#covered.add(directory);
    return mounted;
  }

  /** `umount -l`: the name is free at once, open descriptors go on reaching the disk. */
  detach(point: string): void {
    const last = this.#mounts.findLast((mounted) => mounted.point === point);
    this.#mounts = this.#mounts.filter((mounted) => mounted !== last);
  }

  replace(point: string, disk: Disk, options: { readonly readOnly?: boolean } = {}): Mounted {
    this.detach(point);
    return this.attach(point, disk, options);
  }

  remount(point: string, readOnly: boolean): void {
    const last = this.#mounts.findLast((mounted) => mounted.point === point);
    if (last !== undefined) last.readOnly = readOnly;
  }

  /** After a power loss: everything that was mounted is mounted again, on whatever is left of the private disk. */
  boot(): void {
    for (const process of this.processes) process.kill();
    const before = this.#mounts;
    this.#mounts = [];
    for (const { point, disk, readOnly } of before) this.attach(point, disk, { readOnly });
  }

  mounts(): Mount[] {
    return [this.#root, ...this.#mounts].map(({ id, point, disk, readOnly }) => ({
      id,
      point,
      type: "ext4",
      source: `/dev/disk${disk.device}`,
      readOnly: readOnly || disk.readOnly,
    }));
  }

  /** Where a directory leads: to the root of what is mounted on it last. */
  enter(place: Place): Place {
    const { mount, directory } = place;
    if (!this.#covered.has(directory)) return place;
    const on = this.#mounts.findLast(({ at }) => at?.mount === mount && at.directory === directory);
    return on === undefined ? place : this.enter({ mount: on, directory: on.disk.root, path: place.path });
  }

  isMountPoint(mount: Mounted, node: Node): boolean {
    return this.#mounts.some(({ at }) => at?.mount === mount && at.directory === node);
  }

  /** A directory by absolute path. Links on the way are followed, one at the end is not. */
  walk(path: string): Place {
    let place = this.enter({ mount: this.#root, directory: this.#root.disk.root, path: "" });
    const parts = [...partsOf(path)];
    for (let links = 0; parts.length > 0;) {
      const part = parts.shift() ?? "";
      const node = place.directory.entries.get(part);
      if (node === undefined) throw failure("ENOENT", "open", path);
      if (node.kind === "link" && parts.length > 0) {
        if (++links > MOST_LINKS) throw failure("ELOOP", "open", path);
        const base = node.target.startsWith("/") ? "" : place.path;
        parts.unshift(...normal(`${base}/${node.target}`));
        place = this.enter({ mount: this.#root, directory: this.#root.disk.root, path: "" });
        continue;
      }
      if (node.kind !== "directory") throw failure("ENOTDIR", "open", path);
      place = this.enter({ mount: place.mount, directory: node, path: `${place.path}/${part}` });
    }
    return place;
  }

  /** From here on: test-side access by absolute path, seen by no hook and stopped by no lock or read-only mount. */
  makeDirectories(path: string): void {
    let at = "";
    for (const part of normal(path)) {
      const { mount, directory } = this.walk(at);
      if (!directory.entries.has(part)) mount.disk.addDirectory(directory, part, 0o755);
      at += `/${part}`;
    }
  }

  /** Replaces a file by a new one, as a rename does. */
  put(path: string, content: string | Uint8Array, mode = 0o644): void {
    const { mount, directory, name } = this.#split(path);
    const { disk } = mount;
    const aside = `.${name}.put`;
    const file = disk.addFile(directory, aside, mode);
    disk.write(file, 0, [typeof content === "string" ? new TextEncoder().encode(content) : content]);
    disk.move(directory, aside, directory, name);
  }

  /** A link, or a FIFO where `target` is null. */
  plant(path: string, target: string | null): void {
    const { mount, directory, name } = this.#split(path);
    if (target === null) mount.disk.addOther(directory, name);
    else mount.disk.addLink(directory, name, target);
  }

  /** A whole tree; nothing there is fine. */
  remove(path: string): void {
    const { mount, directory, name } = this.#split(path);
    const node = directory.entries.get(name);
    if (node?.kind === "directory") for (const entry of node.entries.keys()) this.remove(`${path}/${entry}`);
    if (node !== undefined) mount.disk.remove(directory, name);
  }

  /** Renames within one disk. */
  move(path: string, to: string): void {
    const [a, b] = [this.#split(path), this.#split(to)];
    a.mount.disk.move(a.directory, a.name, b.directory, b.name);
  }

  /** Null for what is no file. */
  text(path: string): string | null {
    const bytes = this.bytes(path);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  bytes(path: string): Uint8Array | null {
    const node = this.node(path);
    return node?.kind === "file" ? node.buffer.slice(0, node.size) : null;
  }

  mode(path: string): number | null {
    return this.node(path)?.mode ?? null;
  }

  names(path: string): string[] {
    return [...this.walk(path).directory.entries.keys()].toSorted();
  }

  /** The node under a path, links not followed; null if there is none. */
  node(path: string): Node | null {
    try {
      const { directory, name } = this.#split(path);
      return directory.entries.get(name) ?? null;
    } catch {
      return null;
    }
  }

  #split(path: string): { readonly mount: Mounted; readonly directory: DirectoryNode; readonly name: string } {
    const slash = path.lastIndexOf("/");
    const { mount, directory } = this.walk(path.slice(0, slash));
    return { mount, directory, name: path.slice(slash + 1) };
  }
}

const knownParts = new Map<string, readonly string[]>();

/** The same few paths come again and again. */
function partsOf(path: string): readonly string[] {
  let parts = knownParts.get(path);
  if (parts === undefined) {
    parts = path.split("/").filter((part) => part !== "");
    if (knownParts.size > 10_000) knownParts.clear();
    knownParts.set(path, parts);
  }
  return parts;
}

function normal(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}
