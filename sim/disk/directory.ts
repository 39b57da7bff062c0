/** A pinned directory of the simulated disk: errors as Linux gives them to `src/host/fs.ts`. */
import type { Dir, File, Space, Stat } from "../../src/ports.ts";
import type { Disk } from "./disk.ts";
import { FileHandle } from "./file.ts";
import type { Place } from "./machine.ts";
import { byBytes, checkLength, checkName, checkRename, fileIn, fileToLock, nodeIn } from "./names.ts";
import { type DirectoryNode, failure, type FileNode, type Node } from "./nodes.ts";
import type { Process } from "./process.ts";
import { statOf } from "./stat.ts";

export class DirectoryHandle implements Dir {
  readonly #process: Process;
  readonly #place: Place;
  readonly #close: () => void;
  #closed = false;

  constructor(process: Process, place: Place) {
    this.#process = process;
    this.#place = place;
    this.#close = process.opened(place.directory, place.mount.disk);
  }

  get disk(): Disk {
    return this.#place.mount.disk;
  }

  pathOf(name: string): string {
    return name === "" ? this.#place.path || "/" : `${this.#place.path}/${name}`;
  }

  openDirectory(name: string): Promise<Dir> {
    return this.#call("openDirectory", name, false, () => {
      const directory = this.#need(name);
      if (directory.kind !== "directory") throw failure("ENOTDIR", "open", name);
      const { mount } = this.#place;
      return new DirectoryHandle(
        this.#process,
        this.#process.machine.enter({ mount, directory, path: this.pathOf(name) }),
      );
    });
  }

  makeDirectory(name: string, mode: number): Promise<void> {
    return this.#call("makeDirectory", name, true, () => {
      this.#makeWay("mkdir", name);
      // Linux knows no setuid and setgid here (fs/namei.c, `vfs_mkdir`).
      this.disk.addDirectory(this.#directory, name, this.#masked(mode & 0o1777));
    });
  }

  removeDirectory(name: string): Promise<void> {
    return this.#call("removeDirectory", name, true, () => {
      this.#writable("rmdir", name);
      const node = this.#need(name);
      if (node.kind !== "directory") throw failure("ENOTDIR", "rmdir", name);
      this.#notMounted("rmdir", node, name);
      if (node.entries.size > 0) throw failure("ENOTEMPTY", "rmdir", name);
      this.disk.remove(this.#directory, name);
    });
  }

  openFile(name: string, access: "read" | "write"): Promise<File> {
    return this.#call("openFile", name, false, () => {
      const node = fileIn(this.#directory, name);
      if (access === "write") this.#writable("open", name);
      return this.#file(node, name, access === "write");
    });
  }

  createFile(name: string, mode: number): Promise<File> {
    return this.#call("createFile", name, true, () => {
      this.#makeWay("open", name);
      return this.#file(this.disk.addFile(this.#directory, name, this.#masked(mode)), name, true);
    });
  }

  link(name: string, to: Dir, toName: string): Promise<void> {
    return this.#call("link", name, true, () => {
      const target = this.#other(to, toName);
      const node = this.#need(name);
      target.#makeWay("link", toName);
      this.#sameMount(target, "link", name);
      if (node.kind === "directory") throw failure("EPERM", "link", name);
      this.disk.link(node, target.#directory, toName);
    });
  }

  symlink(target: string, name: string): Promise<void> {
    return this.#call("symlink", name, true, () => {
      if (target === "") throw failure("ENOENT", "symlink", name);
      this.#makeWay("symlink", name);
      this.disk.addLink(this.#directory, name, target);
    });
  }

  readlink(name: string): Promise<string> {
    return this.#call("readlink", name, false, () => {
      const node = this.#need(name);
      if (node.kind !== "link") throw failure("EINVAL", "readlink", name);
      return node.target;
    });
  }

  unlink(name: string): Promise<void> {
    return this.#call("unlink", name, true, () => {
      this.#writable("unlink", name);
      if (this.#need(name).kind === "directory") throw failure("EISDIR", "unlink", name);
      this.disk.remove(this.#directory, name);
    });
  }

  rename(name: string, to: Dir, toName: string): Promise<void> {
    return this.#call("rename", name, true, () => {
      const target = this.#other(to, toName);
      this.#sameMount(target, "rename", name);
      this.#writable("rename", name);
      const node = this.#need(name);
      checkLength(toName);
      const replaced = target.#directory.entries.get(toName);
      checkRename(node, replaced, this.#directory, target.#directory, name);
      if (target.#directory.removed) throw failure("ENOENT", "rename", toName);
      this.#notMounted("rename", node, name);
      if (replaced !== undefined) this.#notMounted("rename", replaced, toName);
      this.disk.move(this.#directory, name, target.#directory, toName);
    });
  }

  chmod(name: string, mode: number): Promise<void> {
    return this.#call("chmod", name, true, () => {
      const node = this.#need(name);
      if (node.kind === "link") throw failure("ELOOP", "open", name);
      this.#writable("fchmod", name);
      this.disk.chmod(node, mode);
    });
  }

  lstat(name: string): Promise<Stat> {
    return this.#call("lstat", name, false, () => {
      const node = this.#need(name);
      if (node.kind !== "directory") return statOf(node, this.disk);
      const { mount, directory } = this.#process.machine.enter({ mount: this.#place.mount, directory: node, path: "" });
      return statOf(directory, mount.disk);
    });
  }

  list(): Promise<string[]> {
    return this.#call("list", "", false, () => {
      if (this.#directory.removed) throw failure("ENOENT", "scandir");
      return [...this.#directory.entries.keys()].toSorted(byBytes);
    });
  }

  stat(): Promise<Stat> {
    return this.#call("stat", "", false, () => statOf(this.#directory, this.disk));
  }

  mountId(): Promise<number> {
    return this.#call("mountId", "", false, () => this.#place.mount.id);
  }

  space(): Promise<Space> {
    return this.#call("space", "", false, () => {
      const { capacity, used } = this.disk;
      return { total: capacity, free: Math.max(0, capacity - used) };
    });
  }

  sync(): Promise<void> {
    return this.#call("sync", "", false, () => this.disk.sync(this.#directory, false));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#process.closing(this.pathOf(""), this.disk, () => {
      this.#closed = true;
      this.#close();
    });
  }

  fileForLock(name: string): FileNode {
    this.#live();
    const node = fileToLock(this.#directory, name);
    this.#writable("open", name);
    return node;
  }

  leadsTo(name: string, file: FileNode): boolean {
    return !this.#closed && this.#directory.entries.get(name) === file;
  }

  get #directory(): DirectoryNode {
    return this.#place.directory;
  }

  #call<Result>(method: string, name: string, changes: boolean, work: () => Result): Promise<Result> {
    return this.#process.call(method, this.pathOf(name), changes, this.disk, () => {
      this.#live();
      return work();
    });
  }

  #live(): void {
    if (this.#closed) throw failure("EBADF", "closed");
  }

  #file(node: FileNode, name: string, writing: boolean): File {
    return new FileHandle(this.#process, this.#place.mount, node, this.pathOf(name), writing);
  }

  #need(name: string): Node {
    return nodeIn(this.#directory, name);
  }

  /** A new name can be made here. */
  #makeWay(call: string, name: string): void {
    checkName(name);
    checkLength(name);
    if (this.#directory.entries.has(name)) throw failure("EEXIST", call, name);
    this.#writable(call, name);
    if (this.#directory.removed) throw failure("ENOENT", call, name);
  }

  #writable(call: string, name: string): void {
    checkName(name);
    if (this.#place.mount.readOnly || this.disk.readOnly) throw failure("EROFS", call, name);
  }

  #sameMount(target: DirectoryHandle, call: string, name: string): void {
    if (target.#place.mount !== this.#place.mount) throw failure("EXDEV", call, name);
  }

  #notMounted(call: string, node: Node, name: string): void {
    if (this.#process.machine.isMountPoint(this.#place.mount, node)) throw failure("EBUSY", call, name);
  }

  #other(to: Dir, name: string): DirectoryHandle {
    if (!(to instanceof DirectoryHandle)) throw failure("EXDEV", "rename", name);
    to.#live();
    checkName(name);
    return to;
  }

  #masked(mode: number): number {
    return mode & 0o7777 & ~this.#process.machine.umask;
  }
}
