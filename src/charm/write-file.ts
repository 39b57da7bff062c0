import { constants } from "node:fs";
import { lchown, open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { hostFs } from "../host/fs.ts";
import type { Fs } from "../ports.ts";
import { orNull, using } from "../store/files.ts";

/**
 * A file is there whole or not at all, and never readable by more than it should be, not even for a moment. Once this
 * resolves it outlives a loss of power: what a hook says afterwards may build on it.
 *
 * @param path absolute; its directory has to be there
 */
export function writeFile(
  path: string,
  content: string,
  mode: number,
  owner?: { uid: number; gid: number },
): Promise<void> {
  return writeWhole(hostFs, path, content, mode, (aside) => (owner ? lchown(aside, owner.uid, owner.gid) : undefined));
}

/** @param own gives the file at a path to its owner, before anybody can see it under its name */
export async function writeWhole(
  fs: Fs,
  path: string,
  content: string,
  mode: number,
  own: (path: string) => Promise<void> | undefined = () => undefined,
): Promise<void> {
  const [name, aside] = [basename(path), `${basename(path)}.new`];
  await using(await fs.openDirectory(dirname(path)), async (directory) => {
    await orNull("ENOENT", directory.unlink(aside));
    await using(await directory.createFile(aside, mode), async (file) => {
      await file.write([new TextEncoder().encode(content)], 0);
      // Whatever the umask made of it.
      await file.chmod(mode);
      await own(`${path}.new`);
      await file.sync();
    });
    await directory.rename(aside, directory, name);
    await directory.sync();
  });
}

/** For a file that is bound elsewhere, where a new one under its name would not be seen. */
export async function overwriteFile(path: string, content: string, mode: number): Promise<void> {
  await using file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, mode);
  const bytes = Buffer.from(content);
  await file.write(bytes, 0, bytes.length, 0);
  await file.truncate(bytes.length);
  await file.sync();
}
