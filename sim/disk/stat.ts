import type { Stat } from "../../src/ports.ts";
import type { Disk } from "./disk.ts";
import type { Node } from "./nodes.ts";

export function statOf(node: Node, disk: Disk): Stat {
  return {
    kind: node.kind,
    size: sizeOf(node),
    mode: node.mode,
    uid: 0,
    device: disk.device,
    inode: node.inode,
    links: node.links,
    modifiedMs: node.modified,
    changedMs: node.changed,
  };
}

function sizeOf(node: Node): number {
  if (node.kind === "file") return node.size;
  if (node.kind === "link") return Buffer.byteLength(node.target);
  return node.kind === "directory" ? 4096 : 0;
}
