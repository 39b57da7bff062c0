/** What lies on a disk, read without anybody noticing. */
import type { DirectoryNode, Node } from "../disk/nodes.ts";

const NOTHING: ReadonlyMap<string, Node> = new Map();

export function entriesOf(root: DirectoryNode, name: string): ReadonlyMap<string, Node> {
  const node = root.entries.get(name);
  return node?.kind === "directory" ? node.entries : NOTHING;
}

export function* filesOf(directory: DirectoryNode, prefix: string): Generator<[string, Buffer]> {
  for (const [name, node] of directory.entries) {
    if (node.kind === "directory") yield* filesOf(node, `${prefix}${name}/`);
    else
      yield [prefix + name, node.kind === "file" ? Buffer.from(node.buffer.subarray(0, node.size)) : Buffer.alloc(0)];
  }
}

export function marksOf(directory: DirectoryNode, marks: number[] = []): number[] {
  for (const node of directory.entries.values()) {
    marks.push(node.serial, node.changed);
    if (node.kind === "directory") marksOf(node, marks);
  }
  return marks;
}

export function isManifestOf(text: Buffer | undefined, sha256: string): boolean {
  try {
    return (JSON.parse(text?.toString() ?? "") as { archive?: unknown }).archive === sha256;
  } catch {
    return false;
  }
}
