/** The default stand-in release, unpacked for the tests of one file. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { standInArchive } from "../archive.ts";
import { bundleProgram } from "../executable.ts";

const run = promisify(execFile);

export interface Release {
  readonly executable: string;
  /** argv of the program of another version, without a release around it. */
  program(version: string): Promise<string[]>;
  remove(): Promise<void>;
}

export async function unpackRelease(): Promise<Release> {
  const root = await mkdtemp(join(tmpdir(), "stand-in-release-"));
  const { path } = await standInArchive();
  await run("tar", ["-xzf", path, "-C", root]);
  return {
    executable: join(root, "concourse/bin/concourse"),
    program: async (version) => {
      const file = join(root, `concourse-${version}.cjs`);
      await writeFile(file, await bundleProgram(version));
      return [process.execPath, file];
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
}
