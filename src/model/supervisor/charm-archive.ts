/**
 * A `.charm` file on its way into units: read once, kept as an uncompressed tar that each unit unpacks straight from the
 * file, so that the tenth unit of a charm costs no more than copying it.
 */

import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createTarPacker } from "modern-tar";
import { openPromise, type Entry } from "yauzl";
import { UserError } from "../../errors.ts";

const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;

export interface CharmFile {
  readonly name: string;
  readonly mode: number;
  readonly link: boolean;
}

export interface CharmArchive {
  readonly files: readonly CharmFile[];
  /** Text of the YAML and other small files at the root. */
  readonly texts: Readonly<Record<string, string>>;
}

/** Files at the root that describe the charm (charm/v12 charmarchive.go: readCharmArchive). */
const DESCRIPTIONS = new Set([
  "metadata.yaml",
  "manifest.yaml",
  "config.yaml",
  "actions.yaml",
  "metrics.yaml",
  "lxd-profile.yaml",
  "revision",
  "version",
]);

async function openArchive(path: string): ReturnType<typeof openPromise> {
  try {
    return await openPromise(path, { lazyEntries: true, autoClose: false });
  } catch (error) {
    throw notCharm(path, error);
  }
}

/** What the system, the zip or its compression has against the file, in one line. */
function notCharm(path: string, error: unknown): unknown {
  if (error instanceof UserError) return error;
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return new UserError(`there is no file ${path}`);
  if (code === "EISDIR") return new UserError(`${path} is a directory`, "Pack it first: charmcraft pack");
  // Other errors of the system: the disk is full, say.
  if (/^E[A-Z]+$/.test(code)) return error;
  // Of what does not inflate, web streams say nothing.
  const why = /End of central directory/.test(message)
    ? "it is no zip archive, or is cut off"
    : message || "it is damaged";
  return new UserError(`${path} is not a charm: ${why}`, "Pack it again, or give another file");
}

/** Mode bits, with 0644 for archives made where there are none. */
function modeOf(entry: Entry): number {
  return entry.externalFileAttributes >>> 16 || 0o100644;
}

function isDirectory(entry: Entry): boolean {
  return entry.fileName.endsWith("/");
}

async function contentOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/**
 * Lists the archive and reads what describes the charm.
 * @throws UserError if the file is missing or no zip.
 */
export async function readCharmArchive(path: string): Promise<CharmArchive> {
  const zip = await openArchive(path);
  try {
    const files: CharmFile[] = [];
    const texts: Record<string, string> = {};
    for await (const entry of zip.eachEntry()) {
      if (isDirectory(entry)) continue;
      const mode = modeOf(entry);
      files.push({ name: entry.fileName, mode: mode & 0o7777, link: (mode & S_IFMT) === S_IFLNK });
      if (DESCRIPTIONS.has(entry.fileName)) {
        texts[entry.fileName] = (await contentOf(await zip.openReadStreamPromise(entry))).toString("utf8");
      }
    }
    return { files, texts };
  } catch (error) {
    throw notCharm(path, error);
  } finally {
    zip.close();
  }
}

/** Writes the archive's files as `<target>` (tar, modes and links kept, owner root) and their names as `<target>.json`. */
export async function writeCharmTar(path: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const { readable, controller } = createTarPacker();
  // Another one may be writing the same.
  const part = `${target}.${randomUUID()}`;
  const written = pipeline(Readable.fromWeb(readable), createWriteStream(part));
  const zip = await openArchive(path);
  const files: CharmFile[] = [];
  try {
    for await (const entry of zip.eachEntry()) {
      if (isDirectory(entry)) continue;
      const mode = modeOf(entry);
      const link = (mode & S_IFMT) === S_IFLNK;
      files.push({ name: entry.fileName, mode: mode & 0o7777, link });
      const content = await zip.openReadStreamPromise(entry);
      const common = { name: entry.fileName, mode: mode & 0o777, uid: 0, gid: 0, mtime: entry.getLastModDate() };
      if (link) {
        const linkname = (await contentOf(content)).toString("utf8");
        await controller.add({ ...common, type: "symlink", size: 0, linkname }).close();
        continue;
      }
      const body = controller.add({ ...common, type: "file", size: entry.uncompressedSize });
      await Readable.toWeb(content).pipeTo(body);
    }
    controller.finalize();
    await written;
  } catch (error) {
    controller.error(error);
    await written.catch(() => undefined);
    await rm(part, { force: true });
    throw notCharm(path, error);
  } finally {
    zip.close();
  }
  await writeFile(`${target}.json`, JSON.stringify(files));
  await rename(part, target);
}

/** The names written beside a tar by `writeCharmTar`. */
export async function readManifest(target: string): Promise<CharmFile[]> {
  return JSON.parse(await readFile(`${target}.json`, "utf8")) as CharmFile[];
}

/** Files of the old charm that the new one no longer has: an upgrade deletes these and leaves unknown files alone. */
export function obsoleteFiles(before: readonly CharmFile[], after: readonly CharmFile[]): string[] {
  const kept = new Set(after.map((file) => file.name));
  return before.map((file) => file.name).filter((name) => !kept.has(name));
}

export type HookProgram =
  | { readonly kind: "dispatch" }
  | { readonly kind: "script"; readonly path: string }
  | { readonly kind: "missing" };

/** Which program serves a hook or action: `dispatch` for all, else a script of that name (runner.go: discoverHookHandler). */
export function programFor(files: readonly CharmFile[], scriptPath: string): HookProgram {
  const names = new Set(files.map((file) => file.name));
  if (names.has("dispatch")) return { kind: "dispatch" };
  return names.has(scriptPath) ? { kind: "script", path: scriptPath } : { kind: "missing" };
}
