import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { HostEntry } from "./evidence.ts";

/** The entries of the shared directory on the host, by name, with the bytes of all that lies below each. */
export async function listHostDirectory(directory: string): Promise<HostEntry[]> {
  const names = (await readdir(directory)).toSorted();
  return Promise.all(names.map((name) => entry(directory, name)));
}

async function entry(directory: string, name: string): Promise<HostEntry> {
  const path = join(directory, name);
  const stat = await lstat(path);
  if (stat.isSymbolicLink()) return { name, kind: "link", bytes: 0, target: await readlink(path) };
  if (stat.isDirectory()) return { name, kind: "directory", bytes: await bytesBelow(path) };
  return { name, kind: stat.isFile() ? "file" : "other", bytes: stat.size };
}

async function bytesBelow(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((file) => file.isFile());
  const sizes = await Promise.all(files.map(async (file) => (await lstat(join(file.parentPath, file.name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
