import { buffer } from "node:stream/consumers";
import { openPromise } from "yauzl";

export interface ZipEntry {
  readonly path: string;
  /** Unix mode with the file type: `0o100644`. */
  readonly mode: number;
  readonly content: Buffer;
}

/** The entries of a zip archive in their order. */
export async function readZip(file: string): Promise<ZipEntry[]> {
  const zip = await openPromise(file);
  const entries: ZipEntry[] = [];
  for await (const entry of zip.eachEntry()) {
    const content = await buffer(await zip.openReadStreamPromise(entry));
    entries.push({ path: entry.fileName, mode: entry.externalFileAttributes >>> 16, content });
  }
  return entries;
}
