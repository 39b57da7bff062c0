/** The agent's own small files, through the ports. */
import { errno } from "../store/errors.ts";
import type { Dir, Ports } from "../ports.ts";

type FilePorts = Pick<Ports, "fs" | "random">;

/** No file of ours comes near; what is longer was not written by us. */
const LARGEST_BYTES = 1024 * 1024;

/** The text of a file, or null if there is none. `path` is absolute; its directory may be missing too. */
export async function readText(ports: FilePorts, path: string): Promise<string | null> {
  const { directory, name } = split(path);
  try {
    await using dir = closing(await ports.fs.openDirectory(directory));
    return await readWhole(dir.value, name);
  } catch (error) {
    if (errno(error) === "ENOENT") return null;
    throw error;
  }
}

/** Replaces a file durably, in one step, private from its creation on: readers see the old text or the new one. */
export async function writePrivate(ports: FilePorts, path: string, text: string): Promise<void> {
  const { directory, name } = split(path);
  await using dir = closing(await ports.fs.openDirectory(directory));
  const temporary = `.${name}.${ports.random.uuid()}`;
  try {
    await createWhole(dir.value, temporary, text);
    await dir.value.rename(temporary, dir.value, name);
  } catch (error) {
    await dir.value.unlink(temporary).catch(() => undefined);
    throw error;
  }
  await dir.value.sync();
}

/** Removes a file; none there is fine. */
export async function removeFile(ports: FilePorts, path: string): Promise<void> {
  const { directory, name } = split(path);
  try {
    await using dir = closing(await ports.fs.openDirectory(directory));
    await dir.value.unlink(name);
    await dir.value.sync();
  } catch (error) {
    if (errno(error) !== "ENOENT") throw error;
  }
}

/** Removes what earlier lives left of files they did not finish. */
export async function sweepTemporary(ports: FilePorts, path: string): Promise<void> {
  const { directory, name } = split(path);
  await using dir = closing(await ports.fs.openDirectory(directory));
  for (const entry of await dir.value.list()) {
    if (entry.startsWith(`.${name}.`)) await dir.value.unlink(entry);
  }
}

async function readWhole(dir: Dir, name: string): Promise<string> {
  await using file = closing(await dir.openFile(name, "read"));
  const { size } = await file.value.stat();
  if (size > LARGEST_BYTES) throw Object.assign(new Error(`${name} has ${size} bytes`), { code: "EFBIG" });
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const read = await file.value.read(bytes.subarray(length), length);
    if (read === 0) break;
    length += read;
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}

async function createWhole(dir: Dir, name: string, text: string): Promise<void> {
  await using file = closing(await dir.createFile(name, 0o600));
  await file.value.write([new TextEncoder().encode(text)], 0);
  await file.value.sync();
}

function closing<T extends { close(): Promise<void> }>(value: T): AsyncDisposable & { readonly value: T } {
  return { value, [Symbol.asyncDispose]: () => value.close() };
}

function split(path: string): { readonly directory: string; readonly name: string } {
  const slash = path.lastIndexOf("/");
  return { directory: path.slice(0, slash) || "/", name: path.slice(slash + 1) };
}
