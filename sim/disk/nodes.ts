/** What a simulated disk consists of. */
import type { Machine } from "./machine.ts";

interface Common {
  /** Tells nodes apart for ever; inode numbers are given out again, as on ext4. */
  readonly serial: number;
  readonly inode: number;
  mode: number;
  /** Names that lead here; a directory has one. */
  links: number;
  /** Open descriptors: what has neither names nor descriptors is freed. */
  open: number;
  modified: number;
  changed: number;
}

export interface FileNode extends Common {
  readonly kind: "file";
  /** May be longer than the file. */
  buffer: Uint8Array;
  size: number;
  /** Open file descriptions that hold `flock` on it. */
  readonly holders: Set<Holder>;
}

export interface LinkNode extends Common {
  readonly kind: "link";
  readonly target: string;
}

/** A FIFO or a device: there to be refused. */
export interface OtherNode extends Common {
  readonly kind: "other";
}

export interface DirectoryNode extends Common {
  readonly kind: "directory";
  readonly entries: Map<string, Node>;
  /** The directory above; null for a root. */
  parent: DirectoryNode | null;
  /** No name leads here any more: nothing can be made in it. */
  removed: boolean;
  readonly watchers: Set<(name: string) => void>;
}

export type Node = FileNode | LinkNode | OtherNode | DirectoryNode;

export interface Holder {
  readonly machine: Machine;
}

/** A failed call as Node reports it: `path` is what `fileProblem` makes the name of. */
export function failure(code: string, call = "", name = ""): Error {
  // Most are expected (is it there?), and a stack costs more than all the rest.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new Error(`${code}: ${call} ${name}`.trim());
  Error.stackTraceLimit = stackTraceLimit;
  return Object.assign(error, { code, syscall: call, ...(name === "" ? {} : { path: `/proc/self/fd/0/${name}` }) });
}
