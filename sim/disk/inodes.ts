/** Where a disk's nodes come from: their numbers, and what time it is for them. */
import type { DirectoryNode, FileNode, LinkNode, Node, OtherNode } from "./nodes.ts";

const EMPTY = new Uint8Array();

export class Inodes {
  readonly #now: () => number;
  #serials = 0;
  #last = 1;
  readonly #free: number[] = [];
  #stamped = 0;
  #ticks = 0;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  file(mode: number): FileNode {
    return { ...this.#common(mode), kind: "file", buffer: EMPTY, size: 0, holders: new Set() };
  }

  directory(mode: number, parent: DirectoryNode | null): DirectoryNode {
    const common = this.#common(mode);
    return { ...common, kind: "directory", entries: new Map(), parent, removed: false, watchers: new Set() };
  }

  link(target: string): LinkNode {
    return { ...this.#common(0o777), kind: "link", target };
  }

  other(): OtherNode {
    return { ...this.#common(0o644), kind: "other" };
  }

  /** Its number goes to the next one that is made. */
  free({ inode }: Node): void {
    this.#free.push(inode);
  }

  /** Milliseconds since 1970; what happens within one of them differs in the fraction. */
  stamp(): number {
    const now = this.#now();
    this.#ticks = now === this.#stamped ? this.#ticks + 1 : 0;
    this.#stamped = now;
    return now + this.#ticks / 1000;
  }

  #common(mode: number) {
    const now = this.stamp();
    const inode = this.#free.pop() ?? ++this.#last;
    return { serial: ++this.#serials, inode, mode, links: 0, open: 0, modified: now, changed: now };
  }
}
