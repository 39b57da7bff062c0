/** Small things done with a pinned directory. */
import type { Dir, File } from "../ports.ts";
import { errno } from "./errors.ts";

/** Contents of a small file; null if there is none. Throws `EFBIG` beyond `limit` bytes, whatever size it states. */
export async function readSmall(directory: Dir, name: string, limit = 65_536): Promise<string | null> {
  const file = await orNull("ENOENT", directory.openFile(name, "read"));
  if (file === null) {
    return null;
  }
  return using(file, async () => {
    // One byte more than it has now: whatever is added meanwhile is noticed.
    const buffer = new Uint8Array(Math.min((await file.stat()).size, limit) + 1);
    let size = 0;
    for (let count = -1; count !== 0 && size < buffer.length; size += count) {
      count = await file.read(buffer.subarray(size), size);
    }
    if (size === buffer.length) {
      throw Object.assign(new Error(`${name} is larger than ${size - 1} bytes`), { code: "EFBIG" });
    }
    return new TextDecoder().decode(buffer.subarray(0, size));
  });
}

/**
 * Replaces a file as a whole and durably.
 *
 * @param temporary a name that nobody else can choose
 * @param via where that name is: another directory of the same file system, if what a crash leaves is swept up there
 */
export async function replaceFile(
  directory: Dir,
  name: string,
  text: string,
  temporary: string,
  mode = 0o644,
  via = directory,
): Promise<void> {
  await writeNew(via, temporary, text, mode);
  try {
    await via.rename(temporary, directory, name);
  } catch (error) {
    await discard(via, temporary);
    throw error;
  }
  await directory.sync();
}

/**
 * Replaces a symbolic link durably: who reads it finds the old one or the new one. Other parameters as for `replaceFile`.
 *
 * @param temporary what an earlier attempt left under this name goes
 */
export async function replaceLink(
  directory: Dir,
  name: string,
  target: string,
  temporary: string,
  via = directory,
): Promise<void> {
  await orNull("ENOENT", via.unlink(temporary));
  await via.symlink(target, temporary);
  await via.rename(temporary, directory, name);
  await directory.sync();
}

/** A new file with these contents, durable but for its name. Leaves nothing behind when it fails. */
export async function writeNew(directory: Dir, name: string, text: string, mode: number): Promise<void> {
  const file = await directory.createFile(name, mode);
  try {
    await using(file, async () => {
      await file.write([new TextEncoder().encode(text)], 0);
      // Whatever the umask made of it.
      await file.chmod(mode);
      await file.sync();
    });
  } catch (error) {
    await discard(directory, name);
    throw error;
  }
}

/** Makes the directory if it is not there, and opens it. */
export async function ensureDirectory(directory: Dir, name: string, mode = 0o755): Promise<Dir> {
  const found = await orNull("ENOENT", directory.openDirectory(name));
  if (found !== null) {
    return found;
  }
  await orNull("EEXIST", directory.makeDirectory(name, mode));
  await directory.sync();
  return directory.openDirectory(name);
}

/** Removes a file or a whole tree; nothing there is no failure. Links are removed, never followed. */
export async function removeTree(directory: Dir, name: string): Promise<void> {
  const stat = await orNull("ENOENT", directory.lstat(name));
  if (stat === null) {
    return;
  }
  if (stat.kind !== "directory") {
    await orNull("ENOENT", directory.unlink(name));
    return;
  }
  const inner = await orNull("ENOENT", directory.openDirectory(name));
  if (inner !== null) {
    await using(inner, async () => {
      for (const entry of await namesIn(inner)) {
        await removeTree(inner, entry);
      }
    });
    await orNull("ENOENT", directory.removeDirectory(name));
  }
}

/** None for a directory that somebody has removed since it was opened. */
async function namesIn(directory: Dir): Promise<string[]> {
  return (await orNull("ENOENT", directory.list())) ?? [];
}

/** Bytes of all files in a tree; 0 for nothing. What vanishes meanwhile is not counted. */
export async function treeSize(directory: Dir, name: string): Promise<number> {
  const stat = await orNull("ENOENT", directory.lstat(name));
  if (stat?.kind !== "directory") {
    return stat?.size ?? 0;
  }
  const inner = await orNull("ENOENT", directory.openDirectory(name));
  if (inner === null) {
    return 0;
  }
  return using(inner, async () => {
    let bytes = 0;
    for (const entry of await namesIn(inner)) {
      bytes += await treeSize(inner, entry);
    }
    return bytes;
  });
}

/** Removes what a failed step left: that it may fail as well changes nothing, it is swept up later. */
export async function discard(directory: Dir, name: string): Promise<void> {
  await removeTree(directory, name).catch(() => undefined);
}

/** Uses a file or directory, and closes it whatever happens. */
export async function using<Handle extends Pick<File, "close">, Result>(
  handle: Handle,
  use: (handle: Handle) => Promise<Result>,
): Promise<Result> {
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

/** Null if the call fails with just this code. */
export async function orNull<Result>(code: string, call: Promise<Result>): Promise<Result | null> {
  try {
    return await call;
  } catch (error) {
    if (errno(error) === code) {
      return null;
    }
    throw error;
  }
}

/** Parsed JSON; null if it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
