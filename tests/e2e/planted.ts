/** What somebody with a writable mount may lay down in place of a release. */

import { createHash } from "node:crypto";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

interface Manifest {
  readonly files: { readonly path: string; size: number; sha256: string }[];
}

/**
 * Gives a published release another program, and a manifest that agrees with it in everything.
 *
 * @param release its directory on the host
 */
export async function plantProgram(release: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(release, "manifest.json"), "utf8")) as Manifest;
  const program = manifest.files.find(({ path }) => path.startsWith("bin/"));
  if (program === undefined) throw new Error(`${release} has no programs`);
  const content = Buffer.from("#!/bin/sh\necho planted\n");
  program.size = content.length;
  program.sha256 = createHash("sha256").update(content).digest("hex");
  // A new file in its place: somebody may run the old one.
  await replace(join(release, program.path), content, 0o555);
  await replace(join(release, "manifest.json"), Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`), 0o444);
}

async function replace(path: string, content: Buffer, mode: number): Promise<void> {
  await rm(path);
  await writeFile(path, content);
  await chmod(path, mode);
}
