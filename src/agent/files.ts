/** The agent's own small files, through the ports. */
import { errno } from "../store/errors.ts";
import { readSmall, replaceFile, using } from "../store/files.ts";
import type { Ports } from "../ports.ts";

type FilePorts = Pick<Ports, "fs" | "random">;

/** No file of ours comes near. */
const LARGEST_BYTES = 1024 * 1024;

/** The text of a file by absolute path, or null if it or its directory is not there. */
export async function readText(ports: FilePorts, path: string): Promise<string | null> {
  const { directory, name } = split(path);
  return absentAsNull(async () =>
    using(await ports.fs.openDirectory(directory), (dir) => readSmall(dir, name, LARGEST_BYTES)),
  );
}

/** Tells one writing of a file from another without reading it; null if there is none. */
export async function fileMark(ports: FilePorts, path: string): Promise<string | null> {
  const { directory, name } = split(path);
  return absentAsNull(async () =>
    using(await ports.fs.openDirectory(directory), async (dir) => {
      const { inode, size, changedMs } = await dir.lstat(name);
      return `${inode} ${size} ${changedMs}`;
    }),
  );
}

/** Replaces a file durably and in one step, private from its creation on: readers see the old text or the new one. */
export async function writePrivate(ports: FilePorts, path: string, text: string): Promise<void> {
  const { directory, name } = split(path);
  const temporary = `${temporaryPrefix(name)}${ports.random.uuid()}`;
  await using(await ports.fs.openDirectory(directory), (dir) => replaceFile(dir, name, text, temporary, 0o600));
}

/** Removes a file; none there is fine. */
export async function removeFile(ports: FilePorts, path: string): Promise<void> {
  const { directory, name } = split(path);
  await absentAsNull(async () =>
    using(await ports.fs.openDirectory(directory), async (dir) => {
      await dir.unlink(name);
      await dir.sync();
    }),
  );
}

/** Removes what earlier lives left of a file they did not finish. */
export async function sweepTemporary(ports: FilePorts, path: string): Promise<void> {
  const { directory, name } = split(path);
  await using(await ports.fs.openDirectory(directory), async (dir) => {
    const left = (await dir.list()).filter((entry) => entry.startsWith(temporaryPrefix(name)));
    for (const entry of left) await dir.unlink(entry);
  });
}

async function absentAsNull<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (errno(error) === "ENOENT") return null;
    throw error;
  }
}

function temporaryPrefix(name: string): string {
  return `.${name}.`;
}

function split(path: string): { readonly directory: string; readonly name: string } {
  const slash = path.lastIndexOf("/");
  return { directory: path.slice(0, slash) || "/", name: path.slice(slash + 1) };
}
