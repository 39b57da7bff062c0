/** Puts an image of a log onto a disk. */
import type { Disk } from "./disk.ts";
import { blankState, type Image, type NodeState } from "./images.ts";
import type { DirectoryNode, Node } from "./nodes.ts";

/** @param made nodes by their serials in the image: those with several names are made once */
export function restore(
  disk: Disk,
  directory: DirectoryNode,
  image: Image,
  serial: number,
  made = new Map<number, Node>(),
): void {
  const state = image.get(serial) ?? blankState("directory");
  directory.mode = state.mode;
  for (const [name, entry] of state.entries) {
    const known = made.get(entry);
    if (known !== undefined) {
      disk.link(known, directory, name);
      continue;
    }
    const node = restoreNode(disk, directory, name, image.get(entry) ?? blankState("file"));
    made.set(entry, node);
    if (node.kind === "directory") restore(disk, node, image, entry, made);
  }
}

function restoreNode(disk: Disk, directory: DirectoryNode, name: string, state: NodeState): Node {
  if (state.kind === "directory") return disk.addDirectory(directory, name, state.mode);
  if (state.kind === "link") return disk.addLink(directory, name, state.target);
  if (state.kind === "other") return disk.addOther(directory, name);
  const file = disk.addFile(directory, name, state.mode);
  const bytes = contentsOf(state);
  file.buffer = bytes;
  file.size = bytes.length;
  disk.used += bytes.length;
  return file;
}

function contentsOf({ base, size, pieces }: NodeState): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set(base.subarray(0, size));
  // What was written beyond a size that is lost is lost with it.
  for (const piece of pieces.filter(({ position }) => position < size)) {
    bytes.set(piece.bytes.subarray(0, size - piece.position), piece.position);
  }
  return bytes;
}
