/** The cache of stand-in archives: each is made once, and found again by the hash of its recipe. */

import { createHash } from "node:crypto";
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Arch } from "../src/agent/contract.ts";
import { bundleProgram, makeExecutable, pinnedNode } from "./executable.ts";
import { imageSize, programEntries, recipeHash, resourceEntries, type Recipe, type Variant } from "./recipe.ts";
import { Tarball } from "./tarball.ts";

export type { Variant } from "./recipe.ts";

export interface StandInOptions {
  /** Version the release says it is: `7.14.3` by default. */
  readonly version?: string;
  /** Architecture of this machine by default; another one needs that architecture's Node.js installed. */
  readonly arch?: Arch;
  readonly variant?: Variant;
  /** Cache directory; default `$CONCOURSE_MACHINE_CACHE`, else `/var/cache/concourse-machine`. */
  readonly cache?: string;
}

export interface StandIn {
  /** `<cache>/stand-in/<hash>/concourse-<version>-linux-<arch>.tgz` */
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

const UNUSED_AFTER_MS = 14 * 24 * 3600 * 1000;

/**
 * The stand-in archive of a version, made first if the cache has none. Any number of processes may ask at once: each
 * makes its own copy under a temporary name, the first to finish publishes it by one rename, the others drop theirs.
 *
 * @throws UserError if the architecture's Node.js is not installed.
 */
export async function standInArchive(options: StandInOptions = {}): Promise<StandIn> {
  const version = options.version ?? "7.14.3";
  const arch = options.arch ?? (process.arch === "arm64" ? "arm64" : "amd64");
  const recipe: Recipe = {
    version,
    arch,
    variant: options.variant ?? "normal",
    program: await bundleProgram(version),
    node: pinnedNode(arch),
  };
  const root = join(cacheDirectory(options), "stand-in");
  const entry = join(root, recipeHash(recipe));
  const found = await lookUp(entry, recipe);
  if (found !== null) return found;

  await mkdir(root, { recursive: true });
  await dropUnused(root);
  const temporary = await mkdtemp(join(root, ".making-"));
  try {
    await make(recipe, temporary);
    await publish(temporary, entry);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  const made = await lookUp(entry, recipe);
  if (made === null) throw new Error(`the stand-in archive vanished from ${entry} while it was being made`);
  return made;
}

function cacheDirectory(options: StandInOptions): string {
  return options.cache ?? process.env["CONCOURSE_MACHINE_CACHE"] ?? "/var/cache/concourse-machine";
}

const archiveName = (recipe: Recipe): string => `concourse-${recipe.version}-linux-${recipe.arch}.tgz`;

/** The digest file is written last, and the directory appears as a whole: what is there is complete. */
async function lookUp(entry: string, recipe: Recipe): Promise<StandIn | null> {
  const path = join(entry, archiveName(recipe));
  try {
    const line = await readFile(`${path}.sha256`, "utf8");
    const { size } = await stat(path);
    await utimes(entry, new Date(), new Date());
    return { path, sha256: line.slice(0, 64), size };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

async function make(recipe: Recipe, directory: string): Promise<void> {
  const executable = await makeExecutable(recipe.program, recipe.node);
  const path = join(directory, archiveName(recipe));
  const file = await open(path, "wx", 0o644);
  const hash = createHash("sha256");
  try {
    const tarball = await Tarball.begin(async (bytes) => {
      hash.update(bytes);
      await file.writeFile(bytes);
    });
    for await (const entry of programEntries(recipe, executable)) await tarball.add(entry);
    const size = imageSize(recipe.variant, tarball.packed);
    for await (const entry of resourceEntries(recipe, size)) await tarball.add(entry);
    await tarball.end();
  } finally {
    await file.close();
  }
  await writeFile(`${path}.sha256`, `${hash.digest("hex")}  ${archiveName(recipe)}\n`);
}

async function publish(temporary: string, entry: string): Promise<void> {
  try {
    await rename(temporary, entry);
  } catch (error) {
    // Another process was faster; its archive has the same bytes.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  }
}

/** Forgets archives that nobody asked for in a fortnight, and what killed makers left behind. */
async function dropUnused(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const path = join(root, name);
    const info = await stat(path).catch(() => null);
    if (info !== null && Date.now() - info.mtimeMs > UNUSED_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}
