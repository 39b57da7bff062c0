/** The leases that lie on a disk. */
import { isLease, WORKERS } from "../../src/store/layout.ts";
import type { Disk } from "../disk/disk.ts";
import type { FileNode } from "../disk/nodes.ts";
import { entriesOf } from "./tree.ts";

type LeaseText = Pick<Leased, "member" | "releases">;

export interface Leased {
  readonly member: string;
  readonly file: FileNode;
  readonly releases: readonly string[];
}

export function leasesOf(disk: Disk): Leased[] {
  return [...entriesOf(disk.root, WORKERS)].flatMap(([member, node]) => {
    if (node.kind !== "directory") return [];
    return [...node.entries].flatMap(([name, file]) => {
      const lease = isLease(name) && file.kind === "file" ? leaseIn(file) : null;
      return lease === null || file.kind !== "file" ? [] : [{ member, file, releases: lease.releases }];
    });
  });
}

const parsed = new WeakMap<FileNode, { readonly changed: number; readonly lease: LeaseText | null }>();

/** The lease in a file, null for anything else. */
export function leaseIn(file: FileNode): LeaseText | null {
  const known = parsed.get(file);
  if (known?.changed === file.changed) return known.lease;
  let lease: LeaseText | null = null;
  try {
    lease = JSON.parse(Buffer.from(file.buffer.subarray(0, file.size)).toString()) as LeaseText;
  } catch {
    // None that could be read.
  }
  parsed.set(file, { changed: file.changed, lease });
  return lease;
}
