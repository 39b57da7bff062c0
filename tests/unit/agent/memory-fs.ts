/** A file system in memory with mounts: what the agent's and the store's ports see of one. */
import type { Dir, File, Fs, Mount, Stat } from "../../../src/ports.ts";

interface FileNode {
  readonly kind: "file";
  bytes: Uint8Array;
  mode: number;
  readonly inode: number;
}
interface LinkNode {
  readonly kind: "link";
  readonly target: string;
  readonly inode: number;
}
interface DirNode {
  readonly kind: "directory";
  readonly entries: Map<string, Node>;
  mode: number;
  readonly inode: number;
  readonly device: number;
  mount: MountNode;
}
type Node = FileNode | LinkNode | DirNode;
interface MountNode {
  readonly id: number;
  readonly point: string;
  readOnly: boolean;
}

export interface Disk {
  readonly root: DirNode;
}

const failure = (code: string, message = code): Error => Object.assign(new Error(`${code}: ${message}`), { code });

export class MemoryFs implements Fs {
  #inodes = 1;
  #ids = 20;
  readonly #root: DirNode;
  readonly #mounted: { readonly at: string; readonly mount: MountNode; readonly root: DirNode }[] = [];
  /** Thrown by every change of a file below a path, while set. */
  fault: { readonly below: string; readonly code: string } | null = null;
  /** Changes of anything, for tests that must see none. */
  writes = 0;
  /** What was opened in an earlier one belongs to a process that was killed: it never answers again. */
  generation = 0;
  readonly #watchers = new Set<{ readonly path: string; readonly changed: (name: string) => void }>();

  constructor() {
    this.#root = this.#directory({ id: this.#ids++, point: "/", readOnly: false }, 1);
  }

  /** A disk of its own, to be mounted. */
  disk(): Disk {
    const inode = this.#inodes;
    return { root: this.#directory({ id: 0, point: "", readOnly: false }, 100 + inode) };
  }

  mount(path: string, { root }: Disk, readOnly = false): void {
    const mount = { id: this.#ids++, point: path, readOnly };
    stamp(root, mount);
    this.#mounted.push({ at: path, mount, root });
  }

  unmount(path: string): void {
    const at = this.#mounted.findLastIndex((entry) => entry.at === path);
    this.#mounted.splice(at, 1);
  }

  async mounts(): Promise<readonly Mount[]> {
    return this.#mounted.map(({ mount }) => ({ ...mount, type: "ext4", source: "disk" }));
  }

  async openDirectory(path: string): Promise<Dir> {
    return this.#open(this.#find(path));
  }

  watch(path: string, changed: (name: string) => void): () => void {
    const watcher = { path, changed };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Test-side access by absolute path. */
  makeDirectories(path: string): void {
    let at = "";
    for (const part of path.split("/").slice(1)) {
      const parent = this.#find(at || "/");
      if (!parent.entries.has(part)) parent.entries.set(part, this.#directory(parent.mount, parent.device));
      at += `/${part}`;
    }
  }

  put(path: string, content: string | Uint8Array, mode = 0o644): void {
    const { parent, name } = this.#split(path);
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    parent.entries.set(name, { kind: "file", bytes, mode, inode: this.#inodes++ });
    this.#changed(path);
  }

  remove(path: string): void {
    const { parent, name } = this.#split(path);
    parent.entries.delete(name);
    this.#changed(path);
  }

  text(path: string): string | null {
    const node = this.#split(path).parent.entries.get(this.#split(path).name);
    return node?.kind === "file" ? new TextDecoder().decode(node.bytes) : null;
  }

  mode(path: string): number | null {
    const node = this.#split(path).parent.entries.get(this.#split(path).name);
    return node?.kind === "file" ? node.mode : null;
  }

  names(path: string): string[] {
    return [...this.#find(path).entries.keys()].toSorted();
  }

  #changed(path: string): void {
    for (const watcher of this.#watchers) {
      if (path.startsWith(`${watcher.path}/`)) watcher.changed(path.slice(watcher.path.length + 1));
    }
  }

  #split(path: string): { parent: DirNode; name: string } {
    const slash = path.lastIndexOf("/");
    return { parent: this.#find(path.slice(0, slash) || "/"), name: path.slice(slash + 1) };
  }

  #directory(mount: MountNode, device: number): DirNode {
    return { kind: "directory", entries: new Map(), mode: 0o755, inode: this.#inodes++, device, mount };
  }

  #find(path: string): DirNode {
    let at = "";
    let node: Node = this.#rootAt("/") ?? this.#root;
    for (const part of path.split("/").filter(Boolean)) {
      at += `/${part}`;
      const next: Node | undefined = this.#rootAt(at) ?? (node as DirNode).entries.get(part);
      if (next === undefined) throw failure("ENOENT", path);
      if (next.kind !== "directory") throw failure("ENOTDIR", path);
      node = next;
    }
    return node as DirNode;
  }

  #rootAt(path: string): DirNode | null {
    return this.#mounted.findLast(({ at }) => at === path)?.root ?? null;
  }

  #open(node: DirNode): Dir {
    const { generation } = this;
    const live = () => {
      if (generation !== this.generation) throw failure("ESRCH");
    };
    const guard = () => {
      live();
      if (node.mount.readOnly) throw failure("EROFS");
      if (this.fault !== null && node.mount.point.startsWith(this.fault.below)) throw failure(this.fault.code);
      this.writes += 1;
    };
    const need = (name: string): Node => {
      live();
      if (name === "" || name === "." || name === ".." || name.includes("/")) throw failure("EINVAL", name);
      const found = node.entries.get(name);
      if (found === undefined) throw failure("ENOENT", name);
      return found;
    };
    const add = (name: string, made: Node) => {
      live();
      if (node.entries.has(name)) throw failure("EEXIST", name);
      guard();
      node.entries.set(name, made);
    };
    const self: Dir & { readonly node: DirNode } = {
      node,
      openDirectory: async (name) => {
        const found = need(name);
        if (found.kind !== "directory") throw failure("ENOTDIR", name);
        return this.#open(found);
      },
      makeDirectory: async (name, mode) => add(name, Object.assign(this.#directory(node.mount, node.device), { mode })),
      removeDirectory: async (name) => {
        guard();
        const found = need(name);
        if (found.kind !== "directory") throw failure("ENOTDIR", name);
        if (found.entries.size > 0) throw failure("ENOTEMPTY", name);
        node.entries.delete(name);
      },
      openFile: async (name, access) => {
        const found = need(name);
        if (found.kind === "link") throw failure("ELOOP", name);
        if (found.kind !== "file") throw failure("ENOTREG", name);
        if (access === "write") guard();
        return this.#file(found, node, guard);
      },
      createFile: async (name, mode) => {
        const made: FileNode = { kind: "file", bytes: new Uint8Array(), mode, inode: this.#inodes++ };
        add(name, made);
        return this.#file(made, node, guard);
      },
      link: async (name, to, toName) => {
        guard();
        const target = (to as typeof self).node;
        if (target.entries.has(toName)) throw failure("EEXIST", toName);
        target.entries.set(toName, need(name));
      },
      symlink: async (target, name) => add(name, { kind: "link", target, inode: this.#inodes++ }),
      readlink: async (name) => {
        const found = need(name);
        if (found.kind !== "link") throw failure("EINVAL", name);
        return found.target;
      },
      unlink: async (name) => {
        if (need(name).kind === "directory") throw failure("EISDIR", name);
        guard();
        node.entries.delete(name);
      },
      rename: async (name, to, toName) => {
        guard();
        const target = (to as typeof self).node;
        const moved = need(name);
        const there = target.entries.get(toName);
        if (there?.kind === "directory" && there.entries.size > 0) throw failure("ENOTEMPTY", toName);
        node.entries.delete(name);
        target.entries.set(toName, moved);
      },
      chmod: async (name, mode) => {
        guard();
        const found = need(name);
        if (found.kind === "link") throw failure("ELOOP", name);
        found.mode = mode;
      },
      lstat: async (name) => describe(need(name), node),
      list: async () => [...node.entries.keys()].toSorted(),
      stat: async () => describe(node, node),
      mountId: async () => node.mount.id,
      space: async () => ({ total: 1e12, free: 9e11 }),
      sync: async () => undefined,
      close: async () => undefined,
    };
    return self;
  }

  #file(node: FileNode, parent: DirNode, guard: () => void): File {
    return {
      read: async (into, position) => {
        const piece = node.bytes.subarray(position, position + into.length);
        into.set(piece);
        return piece.length;
      },
      write: async (chunks, position) => {
        guard();
        let at = position;
        for (const chunk of chunks) {
          const bytes = new Uint8Array(Math.max(node.bytes.length, at + chunk.length));
          bytes.set(node.bytes);
          bytes.set(chunk, at);
          node.bytes = bytes;
          at += chunk.length;
        }
      },
      truncate: async (length) => {
        guard();
        const bytes = new Uint8Array(length);
        bytes.set(node.bytes.subarray(0, length));
        node.bytes = bytes;
      },
      chmod: async (mode) => {
        guard();
        node.mode = mode;
      },
      stat: async () => describe(node, parent),
      sync: async () => undefined,
      syncData: async () => undefined,
      close: async () => undefined,
    };
  }
}

function stamp(node: DirNode, mount: MountNode): void {
  node.mount = mount;
  for (const entry of node.entries.values()) if (entry.kind === "directory") stamp(entry, mount);
}

function describe(node: Node, parent: DirNode): Stat {
  return {
    kind: node.kind,
    size: node.kind === "file" ? node.bytes.length : 0,
    mode: node.kind === "link" ? 0o777 : node.mode,
    uid: 0,
    device: parent.device,
    inode: node.inode,
    links: 1,
    modifiedMs: 0,
    changedMs: 0,
  };
}
