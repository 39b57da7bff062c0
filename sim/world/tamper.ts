/** What somebody's hand does to a store: planted links, planted copies. */
import { createHash } from "node:crypto";
import { MANIFEST, PARTIAL, parseReleaseName, RELEASES, STAGING, TRASH, WORKERS } from "../../src/store/layout.ts";
import type { Disk } from "../disk/disk.ts";
import type { DirectoryNode } from "../disk/nodes.ts";
import type { Dice } from "./random.ts";

/** Where planted links lead to on every machine: nothing may ever be changed there. */
export const PRECIOUS = "/srv/precious";

/** One of the store's directories becomes a link out of the store. Returns how to take it back; null if it cannot be. */
export function plantLink(disk: Disk, dice: Dice): (() => void) | null {
  const name = dice.pick([STAGING, PARTIAL, TRASH, WORKERS]);
  if (disk.root.entries.get(name)?.kind !== "directory") return null;
  const aside = `${name}.aside`;
  disk.move(disk.root, name, disk.root, aside);
  disk.addLink(disk.root, name, PRECIOUS);
  return () => {
    if (disk.root.entries.get(name)?.kind === "link") disk.remove(disk.root, name);
    if (disk.root.entries.has(aside) && !disk.root.entries.has(name)) disk.move(disk.root, aside, disk.root, name);
  };
}

/**
 * A copy of a published release with another program in it, and a manifest that agrees: its name, or null.
 *
 * @param fits tells beside which releases, by the names of their first copies
 */
export function plantCopy(disk: Disk, dice: Dice, fits: (release: string) => boolean): string | null {
  const releases = disk.root.entries.get(RELEASES);
  if (releases?.kind !== "directory") return null;
  const names = [...releases.entries.keys()].filter((name) => parseReleaseName(name)?.copy === 1 && fits(name));
  if (names.length === 0) return null;
  const name = dice.pick(names);
  const copy = `${name}.9`;
  const found = releases.entries.get(name);
  if (found?.kind !== "directory" || releases.entries.has(copy)) return null;
  const made = disk.addDirectory(releases, copy, 0o755);
  cloneTree(disk, found, made);
  const program = Buffer.from("another program of just sixty-four bytes, which nobody verified");
  replace(disk, directoryIn(made, "bin"), "concourse", program, 0o555);
  const manifest = made.entries.get(MANIFEST);
  const text = manifest?.kind === "file" ? Buffer.from(manifest.buffer.subarray(0, manifest.size)).toString() : "{}";
  const value = JSON.parse(text) as { files: { path: string; size: number; sha256: string }[] };
  for (const file of value.files) {
    if (file.path !== "bin/concourse") continue;
    file.size = program.length;
    file.sha256 = createHash("sha256").update(program).digest("hex");
  }
  replace(disk, made, MANIFEST, Buffer.from(`${JSON.stringify(value, null, 1)}\n`), 0o444);
  disk.chmod(made, 0o555);
  return copy;
}

function cloneTree(disk: Disk, from: DirectoryNode, to: DirectoryNode): void {
  for (const [name, node] of from.entries) {
    if (node.kind === "directory") {
      const made = disk.addDirectory(to, name, node.mode);
      cloneTree(disk, node, made);
    } else if (node.kind === "file") {
      replace(disk, to, name, Buffer.from(node.buffer.subarray(0, node.size)), node.mode);
    }
  }
}

function replace(disk: Disk, directory: DirectoryNode, name: string, bytes: Uint8Array, mode: number): void {
  if (directory.entries.has(name)) disk.remove(directory, name);
  disk.write(disk.addFile(directory, name, mode), 0, [bytes]);
}

function directoryIn(directory: DirectoryNode, name: string): DirectoryNode {
  const node = directory.entries.get(name);
  if (node?.kind !== "directory") throw new Error(`no directory ${name}`);
  return node;
}

export function takeCopyAway(disk: Disk, copy: string): void {
  const releases = disk.root.entries.get(RELEASES);
  if (releases?.kind === "directory") removeTree(disk, releases, copy);
}

function removeTree(disk: Disk, directory: DirectoryNode, name: string): void {
  const node = directory.entries.get(name);
  if (node?.kind === "directory") for (const entry of node.entries.keys()) removeTree(disk, node, entry);
  if (node !== undefined) disk.remove(directory, name);
}
