import { basename, dirname } from "node:path/posix";
import type { File, Fs } from "../ports.ts";
import { blocked, errno, SourceError } from "./errors.ts";
import { using } from "./files.ts";

/** Large enough to be fast, small enough to be held a few times over. */
const READ = 512 * 1024;

/** The first `size` bytes of a file. Each piece has memory of its own. */
export async function* fileBytes(file: File, size: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < size;) {
    const buffer = new Uint8Array(Math.min(READ, size - at));
    const count = await file.read(buffer, at);
    if (count === 0) {
      return;
    }
    yield buffer.subarray(0, count);
    at += count;
  }
}

/** The bytes of an archive that lies on this machine. `sized` is told its size before the first one. */
export async function* localBytes(
  fs: Fs,
  path: string,
  sized: (size: number) => Promise<void>,
): AsyncGenerator<Uint8Array, void> {
  const file = await openLocal(fs, path);
  try {
    const { size } = await file.stat();
    await sized(size);
    yield* fileBytes(file, size);
  } finally {
    await file.close();
  }
}

/** @throws SourceError if there is no such file */
export async function openLocal(fs: Fs, path: string): Promise<File> {
  try {
    return await using(await fs.openDirectory(dirname(path)), (directory) =>
      directory.openFile(basename(path), "read"),
    );
  } catch (error) {
    const problem = blocked(
      "no-resource",
      `Cannot read ${path} (${errno(error)}): attach it again (juju attach-resource)`,
    );
    throw new SourceError(problem, { cause: error });
  }
}

/** Passes bytes on if they begin as gzip does (RFC 1952); else throws what `otherwise` makes of the beginning. */
export async function* gzipOnly(
  bytes: AsyncIterable<Uint8Array>,
  otherwise: (beginning: Uint8Array) => Error,
): AsyncGenerator<Uint8Array, void> {
  let beginning: Uint8Array | null = new Uint8Array(0);
  for await (const piece of bytes) {
    if (beginning === null) {
      yield piece;
      continue;
    }
    beginning = Buffer.concat([beginning, piece]);
    if (beginning.length >= 2) {
      if (beginning[0] !== 0x1f || beginning[1] !== 0x8b) {
        throw otherwise(beginning);
      }
      yield beginning;
      beginning = null;
    }
  }
  if (beginning !== null) {
    throw otherwise(beginning);
  }
}

/** Passes bytes on as long as there are no more than `most`; then throws what `otherwise` makes. */
export async function* atMost(
  bytes: AsyncIterable<Uint8Array>,
  most: number,
  otherwise: () => Error,
): AsyncGenerator<Uint8Array, void> {
  let count = 0;
  for await (const piece of bytes) {
    count += piece.length;
    if (count > most) throw otherwise();
    yield piece;
  }
}
