/** A process of a machine: it makes the port calls, and what it holds goes when it is killed. */
import type { Fs, Held, Lock } from "../../src/ports.ts";
import { DirectoryHandle } from "./directory.ts";
import type { Machine } from "./machine.ts";
import { failure, type Holder, type Node } from "./nodes.ts";
import type { Disk } from "./disk.ts";

/** What a process is about to do. */
export interface Call {
  readonly process: Process;
  /** Name of the port's method: `rename`, `write`, `take`, … */
  readonly method: string;
  /** Absolute path of what it is about, as it was reached, for people and for faults by place. */
  readonly path: string;
  /** It may change the disk. */
  readonly changes: boolean;
  /** Null for what is about no disk, as `mounts`. */
  readonly disk: Disk | null;
}

/** Resolves when the call may happen; throws what the call is to throw instead. */
export type Before = (call: Call) => void | Promise<void>;

export class Process {
  readonly machine: Machine;
  readonly name: string;
  before: Before | null;
  /** EMFILE beyond. */
  mostDescriptors = Number.POSITIVE_INFINITY;
  #alive = true;
  readonly #open = new Set<{ readonly node: Node; readonly disk: Disk; readonly ended: () => void }>();
  readonly #unwatch = new Set<() => void>();

  constructor(machine: Machine, name: string, before: Before | null) {
    this.machine = machine;
    this.name = name;
    this.before = before;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Descriptors that are open: at rest nobody should keep any but locks. */
  get descriptors(): number {
    return this.#open.size;
  }

  readonly fs: Fs = {
    mounts: () => this.call("mounts", "/proc/self/mountinfo", false, null, () => this.machine.mounts()),
    openDirectory: (path) =>
      this.call("openDirectory", path, false, null, () => new DirectoryHandle(this, this.machine.walk(path))),
  };

  readonly lock: Lock = {
    take: (directory, name) => {
      if (!(directory instanceof DirectoryHandle)) throw new TypeError("a directory of another world");
      return this.call("take", directory.pathOf(name), false, directory.disk, () => this.#take(directory, name));
    },
  };

  /** As inotify: calls back with the names that are made, replaced or removed in a directory, until told otherwise. */
  watch(path: string, changed: (name: string) => void): () => void {
    let watchers: Set<(name: string) => void>;
    try {
      ({ watchers } = this.machine.walk(path).directory);
    } catch {
      return () => undefined;
    }
    const told = (name: string) => {
      if (this.#alive) changed(name);
    };
    watchers.add(told);
    const stop = () => {
      watchers.delete(told);
      this.#unwatch.delete(stop);
    };
    this.#unwatch.add(stop);
    return stop;
  }

  /** `kill -9`: calls under way and later ones never answer; descriptors and locks are free. */
  kill(): void {
    this.#alive = false;
    this.machine.processes.delete(this);
    for (const stop of this.#unwatch) stop();
    for (const held of this.#open) this.#end(held);
  }

  /** Every port call passes here. */
  async call<Result>(
    method: string,
    path: string,
    changes: boolean,
    disk: Disk | null,
    work: () => Result,
  ): Promise<Result> {
    if (this.#alive && this.before !== null) await this.before({ process: this, method, path, changes, disk });
    return this.#alive ? work() : new Promise<never>(() => undefined);
  }

  /** Linux frees the descriptor also where it tells of a failure, and the port passes none on. */
  async closing(path: string, disk: Disk, close: () => void): Promise<void> {
    await this.call("close", path, false, disk, () => undefined).catch(() => undefined);
    if (this.#alive) close();
  }

  /** A descriptor; the returned function closes it. `ended` is called once, however it ends. */
  opened(node: Node, disk: Disk, ended: () => void = () => undefined): () => void {
    if (this.#open.size >= this.mostDescriptors) throw failure("EMFILE", "open");
    const held = { node, disk, ended };
    node.open++;
    this.#open.add(held);
    return () => this.#end(held);
  }

  #end(held: { readonly node: Node; readonly disk: Disk; readonly ended: () => void }): void {
    if (!this.#open.delete(held)) return;
    held.node.open--;
    held.ended();
    held.disk.release(held.node);
  }

  #take(directory: DirectoryHandle, name: string): Held | null {
    const file = directory.fileForLock(name);
    const { disk } = directory;
    const mine: Holder = { machine: this.machine };
    const taken = [...file.holders].some(
      (holder) => disk.locks === "shared" || (disk.locks === "per-machine" && holder.machine === this.machine),
    );
    if (taken) return null;
    const close = this.opened(file, disk, () => file.holders.delete(mine));
    file.holders.add(mine);
    const path = directory.pathOf(name);
    return {
      valid: () => this.call("valid", path, false, disk, () => directory.leadsTo(name, file)),
      release: () => this.closing(path, disk, close),
    };
  }
}
