/**
 * `npm run pack [-- amd64 | arm64] [--charmcraft]`: builds `dist/concourse-ci-machine_<arch>.charm`, for both
 * architectures unless one is named; with `--charmcraft` also the same as a project for `charmcraft pack`.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../src/errors.ts";
import { writeProject } from "./pack/charmcraft.ts";
import { charmContents, digest, type Entry } from "./pack/contents.ts";
import { ARCHITECTURES, type Arch } from "./pack/runtime.ts";
import { writeZip } from "./pack/zip.ts";
import { ROOT } from "./run.mjs";

const DIST = join(ROOT, "dist");

/**
 * Packs the charm unless that has been done: the contents are put together each time (a quarter of a second), but only
 * changed ones are compressed and written. Two of these at once are harmless: each writes its own file and renames it.
 *
 * @returns the absolute path of the `.charm` file
 * @throws {UserError} when the Node for `arch` cannot be had
 */
export async function packCharm(arch: Arch): Promise<string> {
  return packEntries(arch, await charmContents(arch));
}

async function packEntries(arch: Arch, entries: readonly Entry[]): Promise<string> {
  const charm = join(DIST, `concourse-ci-machine_${arch}.charm`);
  const mark = join(DIST, `.${arch}.contents`);
  const contents = digest(entries);
  if (existsSync(charm) && existsSync(mark) && (await readFile(mark, "utf8")) === contents) return charm;

  await mkdir(DIST, { recursive: true });
  const temporary = `${charm}.${process.pid}`;
  try {
    await writeZip(temporary, entries);
    await rm(mark, { force: true });
    await rename(temporary, charm);
    await writeFile(mark, contents);
  } finally {
    await rm(temporary, { force: true });
  }
  return charm;
}

async function main(args: readonly string[]): Promise<void> {
  const named = ARCHITECTURES.filter((arch) => args.includes(arch));
  const unknown = args.find((arg) => arg !== "--charmcraft" && !ARCHITECTURES.some((arch) => arch === arg));
  if (unknown !== undefined)
    throw new UserError(`unknown argument ${unknown}`, "Usage: npm run pack [-- amd64 | arm64] [--charmcraft]");
  for (const arch of named.length > 0 ? named : ARCHITECTURES) {
    const entries = await charmContents(arch);
    const charm = await packEntries(arch, entries);
    process.stdout.write(`${charm} (${((await stat(charm)).size / 1e6).toFixed(1)} MB)\n`);
    if (args.includes("--charmcraft")) await writeProject(join(DIST, `charmcraft-${arch}`), entries);
  }
}

if (import.meta.main) {
  await main(process.argv.slice(2)).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`pack: ${error.message}\n`);
    process.exitCode = 2;
  });
}
