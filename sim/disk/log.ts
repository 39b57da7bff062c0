/**
 * The log of a disk: what was done to it, and what of that a `fsync` has made durable. `images.ts` makes of it every
 * state that the disk can be in after a power loss.
 */
import type { DirectoryNode, Node } from "./nodes.ts";

export interface EntryChange {
  /** Serial of the directory. */
  readonly directory: number;
  readonly name: string;
  /** Serial of what the name leads to from now on; null = nothing. */
  readonly node: number | null;
}

/** The smallest thing that is on the disk after a power loss or is not. */
export type Effect =
  /** All changes or none: a rename is atomic. */
  | { readonly kind: "entries"; readonly changes: readonly EntryChange[] }
  | { readonly kind: "mode"; readonly node: number; readonly mode: number }
  /** `grow`: at least this size, as a write makes it; else exactly this size. */
  | { readonly kind: "size"; readonly node: number; readonly size: number; readonly grow: boolean }
  | { readonly kind: "data"; readonly node: number; readonly position: number; readonly bytes: Uint8Array };

export interface Sync {
  readonly node: number;
  /** `fdatasync`: everything but the mode. */
  readonly dataOnly: boolean;
}

export interface Operation {
  /** For people: `rename staging/a.1 -> releases/7.14.3…`. */
  readonly text: string;
  readonly effects: readonly Effect[];
  readonly sync: Sync | null;
}

/** A node as it was made, or as it was when the log began. */
export interface Saved {
  readonly kind: Node["kind"];
  readonly mode: number;
  readonly target: string;
  readonly bytes: Uint8Array;
  readonly entries: ReadonlyMap<string, number>;
}

export class Log {
  readonly root: number;
  /** Every node there ever was, by serial. */
  readonly nodes = new Map<number, Saved>();
  readonly operations: Operation[] = [];

  /** Begins with everything that is there durable. */
  constructor(root: DirectoryNode) {
    this.root = root.serial;
    this.#save(root);
  }

  born(node: Node): void {
    this.nodes.set(node.serial, {
      kind: node.kind,
      mode: node.mode,
      target: node.kind === "link" ? node.target : "",
      bytes: new Uint8Array(),
      entries: new Map(),
    });
  }

  add(text: string, effects: readonly Effect[]): void {
    this.operations.push({ text, effects, sync: null });
  }

  sync(text: string, sync: Sync): void {
    this.operations.push({ text, effects: [], sync });
  }

  #save(node: Node): void {
    this.nodes.set(node.serial, {
      kind: node.kind,
      mode: node.mode,
      target: node.kind === "link" ? node.target : "",
      bytes: node.kind === "file" ? node.buffer.slice(0, node.size) : new Uint8Array(),
      entries: new Map(node.kind === "directory" ? [...node.entries].map(([name, entry]) => [name, entry.serial]) : []),
    });
    if (node.kind === "directory") for (const entry of node.entries.values()) this.#save(entry);
  }
}
