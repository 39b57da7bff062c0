/** Which names there may be, what lies under them, and what may be renamed to what: as Linux answers. */
import { type DirectoryNode, failure, type FileNode, type Node } from "./nodes.ts";

const LONGEST_NAME = 255;

/** In the order in which Linux looks (fs/namei.c, `do_renameat2` and `vfs_rename`). */
export function checkRename(
  node: Node,
  replaced: Node | undefined,
  from: DirectoryNode,
  to: DirectoryNode,
  name: string,
) {
  if (node.kind === "directory" && isWithin(to, node)) throw failure("EINVAL", "rename", name);
  if (replaced === undefined || replaced === node) return;
  if (replaced.kind === "directory" && isWithin(from, replaced)) throw failure("ENOTEMPTY", "rename", name);
  if (node.kind === "directory" && replaced.kind !== "directory") throw failure("ENOTDIR", "rename", name);
  if (node.kind !== "directory" && replaced.kind === "directory") throw failure("EISDIR", "rename", name);
  if (replaced.kind === "directory" && replaced.entries.size > 0) throw failure("ENOTEMPTY", "rename", name);
}

function isWithin(directory: DirectoryNode, above: Node): boolean {
  for (let at: DirectoryNode | null = directory; at !== null; at = at.parent) if (at === above) return true;
  return false;
}

export function checkName(name: string): void {
  if (name === "" || name === "." || name === ".." || name.includes("/") || name.includes("\0")) {
    throw failure("EINVAL", "not a single name", name);
  }
}

export function checkLength(name: string): void {
  if (Buffer.byteLength(name) > LONGEST_NAME) throw failure("ENAMETOOLONG", "open", name);
}

export function nodeIn({ entries }: DirectoryNode, name: string): Node {
  checkName(name);
  checkLength(name);
  const node = entries.get(name);
  if (node === undefined) throw failure("ENOENT", "open", name);
  return node;
}

/** Nothing else is ever opened by the product: `ENOTREG` is its own word for that. */
export function fileIn(directory: DirectoryNode, name: string): FileNode {
  const node = nodeIn(directory, name);
  if (node.kind === "file") return node;
  throw failure(node.kind === "link" ? "ELOOP" : "ENOTREG", "open", name);
}

/** What `open` with O_RDWR and O_NOFOLLOW gives. */
export function fileToLock(directory: DirectoryNode, name: string): FileNode {
  const node = nodeIn(directory, name);
  if (node.kind === "file") return node;
  throw failure({ link: "ELOOP", directory: "EISDIR", other: "ENXIO" }[node.kind], "open", name);
}

export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
