/**
 * A file system in memory, as several machines see it.
 *
 *     const store = new Disk({ device: 9, now });                  // one superblock, shared by everybody
 *     const machine = new Machine("m0", { now });                  // has a private disk under `/`
 *     machine.attach("/var/lib/concourse", store, { readOnly: false });
 *     const agent = machine.process("agent", async (call) => { … });  // the hook: before every single port call
 *     agent.fs, agent.lock, agent.watch                            // what `src/ports.ts` asks for
 *     agent.kill()                                                 // descriptors and locks go, calls never answer
 *
 * - **Machines** (`machine.ts`) have mounts: `attach`, `detach` (lazily: what is open goes on reaching the old disk),
 *   `replace`, `remount`. Test-side access by absolute path: `put`, `text`, `names`, `remove`, `plant`, …
 * - **Processes** (`process.ts`) make the port calls. `before(call)` is awaited first: the world may pause the process
 *   there (a promise that is resolved later), kill it, or throw an error with `code` instead of the call (`failure`
 *   in `nodes.ts`). The call itself then happens at once and as a whole.
 * - **Locks** are those of `flock`: they belong to the open file and go with the process. `disk.locks` says whom they
 *   exclude: everybody (`shared`), only processes of one machine (`per-machine`, as virtiofs), or nobody (`none`).
 * - **Room**: `capacity` in bytes (ENOSPC beyond), `readOnly` (EROFS for everybody, also through open files).
 * - **Power loss**: `disk.record()` begins a log; `images.ts` gives every legal image after any of its operations, and
 *   `disk.powerLoss(random)` puts the disk into one of them. Kill all processes first, `machine.boot()` afterwards.
 *
 * Times come from the world's clock; writings within one millisecond differ in the fraction, as on Linux 6.13.
 */
import { Log, type Effect, type EntryChange } from "./log.ts";
import { failure, type DirectoryNode, type FileNode, type LinkNode, type Node, type OtherNode } from "./nodes.ts";
import { imageAfter, type NodeState } from "./images.ts";
import { Inodes } from "./inodes.ts";
import { restore } from "./restore.ts";

export type LockScope = "shared" | "per-machine" | "none";

export interface DiskOptions {
  readonly device: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Bytes; as good as endless unless told otherwise. */
  readonly capacity?: number;
}

/** What a file without contents takes. */
const INODE_BYTES = 256;

export class Disk {
  readonly device: number;
  readonly root: DirectoryNode;
  capacity: number;
  used = 0;
  readOnly = false;
  locks: LockScope = "shared";
  /** `fsync` of these does nothing: shows what comes of a program that does not call it. */
  deafTo: "file" | "directory" | null = null;
  log: Log | null = null;
  /** Changes of anything, for tests that must see none. */
  changes = 0;
  readonly #inodes: Inodes;

  constructor({ device, now, capacity = 1e12 }: DiskOptions) {
    this.device = device;
    this.#inodes = new Inodes(now);
    this.capacity = capacity;
    this.root = this.#inodes.directory(0o755, null);
    this.root.links = 1;
  }

  /** Begins a new log: what is on the disk now counts as durable. */
  record(): Log {
    this.log = new Log(this.root);
    return this.log;
  }

  /**
   * Becomes what is left after a power loss now, and begins a new log.
   *
   * @param random in [0, 1)
   * @returns changes that are lost
   */
  powerLoss(random: () => number): number {
    const log = this.log ?? new Log(this.root);
    let lost = 0;
    const state = imageAfter(log, log.operations.length, () => {
      const kept = random() < 0.5;
      if (!kept) lost += 1;
      return kept;
    });
    this.root.entries.clear();
    this.used = 0;
    restore(this, this.root, state, log.root);
    this.record();
    return lost;
  }

  /** The image of a log as a disk of its own. */
  static of(image: ReadonlyMap<number, NodeState>, root: number, options: DiskOptions): Disk {
    const disk = new Disk(options);
    restore(disk, disk.root, image, root);
    return disk;
  }

  addFile(directory: DirectoryNode, name: string, mode: number): FileNode {
    return this.#add(directory, name, this.#inodes.file(mode));
  }

  addDirectory(directory: DirectoryNode, name: string, mode: number): DirectoryNode {
    return this.#add(directory, name, this.#inodes.directory(mode, directory));
  }

  addLink(directory: DirectoryNode, name: string, target: string): LinkNode {
    return this.#add(directory, name, this.#inodes.link(target));
  }

  addOther(directory: DirectoryNode, name: string): OtherNode {
    return this.#add(directory, name, this.#inodes.other());
  }

  /** A further name for a node that is there. */
  link(node: Node, directory: DirectoryNode, name: string): void {
    node.links++;
    node.changed = this.#inodes.stamp();
    this.#enter(`link ${name}`, [{ directory, name, node }]);
  }

  remove(directory: DirectoryNode, name: string): void {
    const node = directory.entries.get(name);
    this.#enter(`remove ${name}`, [{ directory, name, node: null }]);
    if (node !== undefined) this.#unlinked(node);
  }

  move(from: DirectoryNode, name: string, to: DirectoryNode, toName: string): void {
    const node = from.entries.get(name);
    const replaced = to.entries.get(toName);
    if (node === undefined || node === replaced) return;
    node.changed = this.#inodes.stamp();
    if (node.kind === "directory") node.parent = to;
    this.#enter(`rename ${name} -> ${toName}`, [
      { directory: from, name, node: null },
      { directory: to, name: toName, node },
    ]);
    if (replaced !== undefined) this.#unlinked(replaced);
  }

  chmod(node: Node, mode: number): void {
    this.changes++;
    node.mode = mode & 0o7777;
    node.changed = this.#inodes.stamp();
    this.log?.add(`chmod #${node.serial} ${mode.toString(8)}`, [{ kind: "mode", node: node.serial, mode: node.mode }]);
  }

  /** Writes what there is room for, then throws ENOSPC. */
  write(file: FileNode, position: number, chunks: readonly Uint8Array[]): void {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const room = Math.max(0, this.capacity - this.used) + file.size - position;
    const fits = Math.min(length, Math.max(0, room));
    if (fits > 0) this.#put(file, position, fits === length ? chunks : first(chunks, fits), fits);
    if (fits < length) throw failure("ENOSPC", "write");
  }

  resize(file: FileNode, size: number): void {
    if (size > file.size) this.#reserve(file, size);
    else file.buffer.fill(0, size, file.size);
    this.#sized(file, size);
    this.log?.add(`truncate #${file.serial} ${size}`, [{ kind: "size", node: file.serial, size, grow: false }]);
  }

  sync(node: Node, dataOnly: boolean): void {
    if (node.kind === this.deafTo) return;
    this.log?.sync(`${dataOnly ? "fdatasync" : "fsync"} #${node.serial}`, { node: node.serial, dataOnly });
  }

  /** To be called when the last descriptor of a node without a name has gone. */
  release(node: Node): void {
    if (node.links > 0 || node.open > 0) return;
    this.used -= INODE_BYTES + (node.kind === "file" ? node.size : 0);
    this.#inodes.free(node);
  }

  #put(file: FileNode, position: number, chunks: readonly Uint8Array[], length: number): void {
    const end = position + length;
    const effects: Effect[] = [];
    if (end > file.size) effects.push({ kind: "size", node: file.serial, size: end, grow: true });
    this.#reserve(file, end);
    let at = position;
    for (const chunk of chunks) {
      file.buffer.set(chunk, at);
      at += chunk.length;
    }
    this.#sized(file, Math.max(file.size, end));
    if (this.log === null) return;
    effects.push({ kind: "data", node: file.serial, position, bytes: file.buffer.slice(position, end) });
    this.log.add(`write #${file.serial} ${position}+${length}`, effects);
  }

  #reserve(file: FileNode, size: number): void {
    if (size <= file.buffer.length) return;
    const buffer = new Uint8Array(Math.max(size, 2 * file.buffer.length, 64));
    buffer.set(file.buffer.subarray(0, file.size));
    file.buffer = buffer;
  }

  #sized(file: FileNode, size: number): void {
    this.changes++;
    this.used += size - file.size;
    file.size = size;
    file.modified = file.changed = this.#inodes.stamp();
  }

  #add<Made extends Node>(directory: DirectoryNode, name: string, node: Made): Made {
    if (this.used + INODE_BYTES > this.capacity) {
      this.#inodes.free(node);
      throw failure("ENOSPC", "create", name);
    }
    this.used += INODE_BYTES;
    node.links = 1;
    this.log?.born(node);
    this.#enter(`create ${node.kind} ${name} #${node.serial}`, [{ directory, name, node }]);
    return node;
  }

  #enter(
    text: string,
    changes: readonly { readonly directory: DirectoryNode; readonly name: string; readonly node: Node | null }[],
  ): void {
    this.changes++;
    const logged: EntryChange[] = [];
    for (const { directory, name, node } of changes) {
      if (node === null) directory.entries.delete(name);
      else directory.entries.set(name, node);
      directory.modified = directory.changed = this.#inodes.stamp();
      if (this.log !== null) logged.push({ directory: directory.serial, name, node: node?.serial ?? null });
    }
    this.log?.add(text, [{ kind: "entries", changes: logged }]);
    for (const { directory, name } of changes) for (const changed of directory.watchers) changed(name);
  }

  #unlinked(node: Node): void {
    node.links--;
    node.changed = this.#inodes.stamp();
    if (node.kind === "directory") node.removed = true;
    this.release(node);
  }
}

function first(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  return chunks.flatMap((chunk) => {
    const part = chunk.subarray(0, Math.max(0, left));
    left -= part.length;
    return part.length > 0 ? [part] : [];
  });
}
