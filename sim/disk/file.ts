/** An open file of the simulated disk. */
import type { File, Stat } from "../../src/ports.ts";
import type { Mounted } from "./machine.ts";
import { failure, type FileNode } from "./nodes.ts";
import type { Process } from "./process.ts";
import { statOf } from "./stat.ts";

export class FileHandle implements File {
  readonly #process: Process;
  readonly #mount: Mounted;
  readonly #node: FileNode;
  readonly #path: string;
  readonly #writing: boolean;
  readonly #close: () => void;
  #closed = false;

  constructor(process: Process, mount: Mounted, node: FileNode, path: string, writing: boolean) {
    this.#process = process;
    this.#mount = mount;
    this.#node = node;
    this.#path = path;
    this.#writing = writing;
    this.#close = process.opened(node, mount.disk);
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#call("read", false, () => {
      const piece = this.#node.buffer.subarray(position, Math.min(this.#node.size, position + into.length));
      into.set(piece);
      return piece.length;
    });
  }

  write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    return this.#call("write", true, () => {
      if (chunks.length === 0) return;
      this.#mayWrite("EBADF");
      this.#mount.disk.write(this.#node, position, chunks);
    });
  }

  truncate(length: number): Promise<void> {
    return this.#call("truncate", true, () => {
      this.#mayWrite("EINVAL");
      this.#mount.disk.resize(this.#node, length);
    });
  }

  chmod(mode: number): Promise<void> {
    return this.#call("chmod", true, () => {
      this.#notReadOnly();
      this.#mount.disk.chmod(this.#node, mode);
    });
  }

  stat(): Promise<Stat> {
    return this.#call("stat", false, () => statOf(this.#node, this.#mount.disk));
  }

  sync(): Promise<void> {
    return this.#call("sync", false, () => this.#mount.disk.sync(this.#node, false));
  }

  syncData(): Promise<void> {
    return this.#call("syncData", false, () => this.#mount.disk.sync(this.#node, true));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#process.closing(this.#path, this.#mount.disk, () => {
      this.#closed = true;
      this.#close();
    });
  }

  #call<Result>(method: string, changes: boolean, work: () => Result): Promise<Result> {
    return this.#process.call(method, this.#path, changes, this.#mount.disk, () => {
      if (this.#closed) throw failure("EBADF", "closed");
      return work();
    });
  }

  #mayWrite(otherwise: string): void {
    if (!this.#writing) throw failure(otherwise, "write");
    this.#notReadOnly();
  }

  #notReadOnly(): void {
    if (this.#mount.readOnly || this.#mount.disk.readOnly) throw failure("EROFS", "write");
  }
}
