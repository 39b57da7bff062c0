/**
 * The one way in: `npm start`, `npm test`, `npm run …` and `bin/concourse-machine.mjs` all come through here.
 *
 * The host brings any Node from 20 on and npm; everything else is pinned in `package-lock.json`, Node itself included.
 * A fresh clone is set up by one `npm ci`; from then on this costs the hash of a file. Plain JavaScript without
 * dependencies: it runs before there are any, on a Node that we did not choose.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkNode, explaining, isInstalled, pinnedNode, ROOT, SetupError } from "./setup.mjs";

export { ROOT };

/** Programs that do without what only tests and checks need: people who want to run Concourse do not wait for it. */
const PRODUCT = ["src/cli/main.ts", "scripts/pack.ts", "standin/make.ts"];

/**
 * Installs under a lock, so that two first starts at once do not delete each other's packages. Without `flock` there is
 * no lock, and nothing else changes.
 *
 * @param {import("./setup.mjs").Extent} extent
 */
function installOnce(extent) {
  if (isInstalled(extent)) return;
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  const install = [join(ROOT, "scripts", "install.mjs"), extent];
  const lock = [join(ROOT, ".cache", "install.lock"), process.execPath];
  const locked = spawnSync("flock", [...lock, ...install], { stdio: "inherit" });
  const { status } = locked.error === undefined ? locked : spawnSync(process.execPath, install, { stdio: "inherit" });
  if (status !== 0) process.exit(status === null ? 1 : status);
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
  void explaining(() => {
    checkNode();
    installOnce(PRODUCT.includes(program) ? "product" : "all");
    const [command = "", ...first] = commandFor(program);
    if (!existsSync(command)) throw new SetupError(`there is no program ${program} here`);
    replaceBy(command, [...first, ...args]);
  });
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
    process.exitCode = signal === null ? Number(code) : 128 + osConstants.signals[signal];
  });
}

function isMain() {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
}

if (isMain()) {
  const [program, ...args] = process.argv.slice(2);
  if (program !== undefined) run(program, args);
  else
    void explaining(() => {
      throw new SetupError("usage: node scripts/run.mjs <file.ts | program> [argument …]");
    });
}
