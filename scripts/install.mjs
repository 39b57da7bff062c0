/**
 * `node scripts/install.mjs product|all`: installs the pinned packages; `run.mjs` calls it under a lock. Nothing that is
 * installed may run a script of its own.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { checkNode, explaining, isInstalled, MARK, markOf, pinnedNode, ROOT, SetupError } from "./setup.mjs";

const FLAGS = [
  ..."--ignore-scripts --include=optional --no-audit --no-fund --loglevel=error".split(" "),
  // What npm has in its cache needs no network; what it lacks is known to be out of reach in seconds, not minutes.
  ..."--prefer-offline --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000".split(" "),
];

/** Milliseconds between two signs of life. */
const TICK = 1000;

/** @param {import("./setup.mjs").Extent} extent */
async function install(extent) {
  if (isInstalled(extent)) return;
  const began = Date.now();
  if (extent === "all" && isInstalled("product")) {
    // Added to what is there: a local model may be running from it. `npm ci` has compared lock file and package.json.
    await npmRun("Installing the pinned packages for tests (npm install), once", [
      "install",
      "--no-save",
      "--include=dev",
    ]);
  } else {
    const dev = extent === "all" ? "--include=dev" : "--omit=dev";
    await npmRun("Installing the pinned packages (npm ci), once", ["ci", dev]);
  }
  if (!existsSync(pinnedNode())) {
    throw new SetupError(
      "npm ci left out the pinned Node. Remove node_modules and `omit` from your npm settings, then try again",
    );
  }
  // A quarter of all that is installed: C++ headers, for native modules, of which there are none.
  rmSync(join(dirname(dirname(pinnedNode())), "include"), { recursive: true, force: true });
  writeFileSync(MARK, markOf(extent));
  process.stderr.write(`Installed in ${Math.round((Date.now() - began) / 1000)} s.\n`);
}

/**
 * Runs npm with a dot a second; what it prints is shown only if it fails.
 *
 * @param {string} title
 * @param {readonly string[]} words
 */
async function npmRun(title, words) {
  const [command = "npm", ...first] = npm();
  process.stderr.write(`${title} `);
  const dots = setInterval(() => process.stderr.write("."), TICK);
  const { code, output } = await finished(command, [...first, ...words, ...FLAGS]);
  clearInterval(dots);
  process.stderr.write("\n");
  if (code === 0) return;
  process.stderr.write(firstLines(output, 8));
  throw new SetupError(explain(output));
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<{ code: number | null, output: string }>} all that it printed, or why it could not be run
 */
function finished(command, args) {
  const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: null, output: error.message }));
    child.on("close", (code) => resolve({ code, output }));
  });
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

/** npm follows its cause with a page of advice. @param {string} output @param {number} count */
function firstLines(output, count) {
  return `${output.trim().split("\n").slice(0, count).join("\n")}\n`;
}

/** What npm's output is known by, first match counts, and what to do. */
const EXPLANATIONS = /** @type {const} */ ([
  [
    // Codes of OpenSSL's checks (X509_V_ERR_…), as Node gives them.
    /SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|CERT_UNTRUSTED/,
    "npm ci does not trust the certificate of the package registry. Behind a proxy that reads TLS, name its authority: npm config set cafile /etc/ssl/certs/ca-certificates.crt",
  ],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/,
    "npm ci cannot reach the package registry. Check the network (or npm's `registry` and `proxy` settings) and try again",
  ],
  [/ENOSPC/, "npm ci found the disk full. Make room (about 500 MB) and try again"],
  [/EACCES|EPERM|EROFS/, `npm ci may not write to ${ROOT}. Run it as the owner of the clone`],
  [/EUSAGE/, "package-lock.json does not fit package.json. Run npm install and look at what it changes"],
]);

/** @param {string} output what npm printed */
function explain(output) {
  const known = EXPLANATIONS.find(([pattern]) => pattern.test(output));
  return known === undefined ? "npm ci failed, see above. Try again after `rm -rf node_modules`" : known[1];
}

await explaining(async () => {
  checkNode();
  await install(process.argv[2] === "product" ? "product" : "all");
});
