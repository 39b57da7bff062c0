/** Builds `bin/concourse`: the program of `program/` and the pinned Node.js in one executable file. */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import type { Arch } from "../src/agent/contract.ts";
import { UserError } from "../src/errors.ts";
import { injectApplication } from "./elf.ts";

const run = promisify(execFile);
const require = createRequire(import.meta.url);

/** Where the pinned Node.js of an architecture lies, and which one it is. */
export interface PinnedNode {
  readonly path: string;
  readonly version: string;
  readonly license: string;
}

/** @throws UserError if the npm package with that architecture's Node.js is not installed. */
export function pinnedNode(arch: Arch): PinnedNode {
  const name = `node-linux-${arch === "amd64" ? "x64" : "arm64"}`;
  let manifest: string;
  try {
    manifest = require.resolve(`${name}/package.json`);
  } catch {
    throw new UserError(
      `the stand-in release for ${arch} needs the npm package ${name}, which is not installed`,
      `Run: npm install --no-save --force ${name}`,
    );
  }
  return {
    path: join(manifest, "../bin/node"),
    version: (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version,
    license: readFileSync(join(manifest, "../LICENSE"), "utf8"),
  };
}

/** The stand-in's program as one CommonJS file without dependencies. */
export async function bundleProgram(version: string): Promise<string> {
  const result = await build({
    entryPoints: [fileURLToPath(new URL("program/main.ts", import.meta.url))],
    bundle: true,
    write: false,
    platform: "node",
    target: "node24",
    format: "cjs",
    // ssh2's optional native parts; it does without them.
    external: ["*.node", "cpu-features"],
    define: { STAND_IN_VERSION: JSON.stringify(version) },
    legalComments: "none",
    logLevel: "error",
  });
  const output = result.outputFiles[0];
  if (output === undefined) throw new Error("esbuild gave no output");
  return output.text;
}

/**
 * One executable that is Node.js and runs `program`. The blob names its source by a relative path only, so the same
 * program gives the same bytes wherever it is made.
 */
export async function makeExecutable(program: string, node: PinnedNode): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), "stand-in-"));
  try {
    await writeFile(join(directory, "concourse.js"), program);
    await writeFile(
      join(directory, "sea.json"),
      JSON.stringify({
        main: "concourse.js",
        output: "sea.blob",
        disableExperimentalSEAWarning: true,
        execArgvExtension: "none",
      }),
    );
    await run(hostNode(), ["--experimental-sea-config", "sea.json"], { cwd: directory });
    return injectApplication(await readFile(node.path), await readFile(join(directory, "sea.blob")));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The blob's format belongs to the Node.js release, so it is made by the pinned one of this machine. */
function hostNode(): string {
  return pinnedNode(process.arch === "arm64" ? "arm64" : "amd64").path;
}
