/** What a failing disk, or a careless hand, does to one file of a published release. */
import { MANIFEST } from "../../src/store/layout.ts";
import type { Disk } from "../disk/disk.ts";
import type { DirectoryNode, FileNode } from "../disk/nodes.ts";
import type { Dice } from "./random.ts";

type Way = (disk: Disk, directory: DirectoryNode, name: string, file: FileNode, dice: Dice) => void;

const WAYS = {
  /** Nothing but its contents tells: what a reading of everything is for. */
  "byte rotted": (disk, _, __, file, dice) => {
    flip(file, dice);
    disk.changes += 1;
  },
  "byte changed": (disk, _, __, file, dice) => {
    const at = dice.below(file.size);
    disk.write(file, at, [Uint8Array.of((file.buffer[at] ?? 0) ^ (1 << dice.below(8)))]);
  },
  "file truncated": (disk, _, __, file, dice) => disk.resize(file, dice.below(file.size)),
  "mode changed": (disk, _, __, file, dice) => disk.chmod(file, dice.pick([0o666, 0o000, 0o4755])),
  "file removed": (disk, directory, name) => disk.remove(directory, name),
} satisfies Record<string, Way>;

export type Spoiling = keyof typeof WAYS;
const SPOILINGS = Object.keys(WAYS) as Spoiling[];

/** Spoils one file of a release in its place. */
export function spoil(disk: Disk, release: DirectoryNode, dice: Dice): Spoiling {
  const files = [...filesBelow(release)];
  const { directory, name, file } = dice.pick(files);
  // A manifest is read at every look: there a byte that rots is found like one that is changed.
  const ways = SPOILINGS.filter((way) => way !== "byte rotted" || name !== MANIFEST);
  const way = dice.chance(0.15) && ways.includes("byte rotted") ? "byte rotted" : dice.pick(ways);
  const work: Way = WAYS[way];
  work(disk, directory, name, file, dice);
  return way;
}

function flip(file: FileNode, dice: Dice): void {
  const at = dice.below(file.size);
  file.buffer[at] = (file.buffer[at] ?? 0) ^ (1 << dice.below(8));
}

function* filesBelow(
  directory: DirectoryNode,
): Generator<{ readonly directory: DirectoryNode; readonly name: string; readonly file: FileNode }> {
  for (const [name, node] of directory.entries) {
    if (node.kind === "directory") yield* filesBelow(node);
    else if (node.kind === "file") yield { directory, name, file: node };
  }
}
