/**
 * The arrows between rooms: which part of the source may use which, and which parts do no input or output.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "./run.mjs";

/** The one file of the agent that others on the charm's side read: plain types. */
const CONTRACT = "agent/contract.ts";

/** What each room may import from outside itself; `errors.ts` is everybody's. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  juju: [],
  host: ["ports.ts"],
  store: ["ports.ts", CONTRACT, "concourse"],
  concourse: ["ports.ts", CONTRACT, "store"],
  relations: [CONTRACT, "concourse"],
  agent: ["ports.ts", "store", "concourse", "host"],
  charm: [
    "ports.ts",
    "relations",
    "concourse",
    "store",
    "host",
    "juju",
    CONTRACT,
    "agent/progress.ts",
    "agent/main.ts",
  ],
  machines: [],
  model: ["machines"],
  cli: [
    "model",
    "machines",
    "report",
    "store",
    "host",
    "ports.ts",
    "../scripts/pack.ts",
    "../scripts/host-packages.mjs",
    "../standin/archive.ts",
  ],
  report: [],
};

/** Do no I/O, read no clock, roll no dice, and use nothing that does: so that a simulator runs them and a seed replays. */
const WITHOUT_IO: Readonly<Record<string, RegExp>> = {
  "rules of the charm": /^charm\/(plan|lead|hosts|orders|status|publish|read|reconcile|report)\.ts$/,
  "what is known of relations and Concourse": /^(relations|concourse)\/.*\.ts$/,
  "the store": /^store\/.*\.ts$/,
  "the agent, apart from its wiring": /^agent\/(?!main\.ts|database\/|preflight\/look\.ts).*\.ts$/,
  "the state of the local model": /^model\/state\/.*\.ts$/,
};
const IO_MODULES =
  /^(node:(fs|fs\/promises|child_process|net|tls|dgram|dns|dns\/promises|http|https|http2|timers|timers\/promises|worker_threads|cluster|readline|os)|undici|execa|postgres|ssh2)$/;
const CLOCK_OR_DICE =
  /\b(Date\.now|new Date\(\)|performance\.(now|timeOrigin)|Math\.random|randomUUID|randomBytes|randomInt|setTimeout|setInterval|AbortSignal\.timeout)\b/;

interface Import {
  /** A file relative to `src/`, or the name of a module. */
  readonly target: string;
  readonly typeOnly: boolean;
}

const SRC = join(ROOT, "src");
const sources = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
  .toSorted();
const imports = new Map(sources.map((path) => [path, importsOf(path)]));

function importsOf(path: string): Import[] {
  const text = readFileSync(join(SRC, path), "utf8");
  const statements = text.matchAll(
    /^(?:import|export)\s+(type\s)?[^;"]*?(?:from\s+)?"([^"]+)";?$|\bimport\("([^"]+)"\)/gm,
  );
  return [...statements].map(([, type, fixed, dynamic]) => {
    const target = fixed ?? dynamic ?? "";
    const resolved = target.startsWith(".") ? relative(SRC, join(SRC, dirname(path), target)) : target;
    return { target: resolved, typeOnly: type !== undefined };
  });
}

function room(path: string): string {
  return path.split("/")[0] ?? path;
}

test("every room has its rule", () => {
  const rooms = new Set(sources.filter((path) => path.includes("/")).map(room));
  expect([...rooms].filter((name) => MAY_IMPORT[name] === undefined)).toEqual([]);
});

test.each(Object.entries(MAY_IMPORT))("%s imports only what it may", (home, others) => {
  const allowed = new Set([home, ...others, "errors.ts"]);
  const wrong = sources
    .filter((path) => room(path) === home)
    .flatMap((path) => (imports.get(path) ?? []).map(({ target }) => ({ path, target })))
    .filter(({ target }) => existsSync(join(SRC, target)))
    .filter(({ target }) => !allowed.has(room(target)) && !allowed.has(target));
  expect(wrong).toEqual([]);
});

test.each(Object.entries(WITHOUT_IO))("%s: no I/O, no clock, no dice", (_, files) => {
  const chosen = sources.filter((path) => files.test(path));
  expect(chosen).not.toEqual([]);
  expect(chosen.flatMap(ioReachedFrom)).toEqual([]);
});

/** `file: module` for each use of I/O in the files that `start` pulls in at run time. */
function ioReachedFrom(start: string): string[] {
  const reached = new Set([start]);
  const uses: string[] = [];
  for (const path of reached) {
    const text = readFileSync(join(SRC, path), "utf8").replaceAll(/\/\*.*?\*\/|\/\/.*$/gms, "");
    const used = (imports.get(path) ?? []).filter(({ typeOnly }) => !typeOnly).map(({ target }) => target);
    uses.push(...used.filter((target) => IO_MODULES.test(target)).map((target) => `${path}: ${target}`));
    uses.push(...(CLOCK_OR_DICE.exec(text)?.slice(0, 1) ?? []).map((word) => `${path}: ${word}`));
    for (const target of used) if (imports.has(target)) reached.add(target);
  }
  return uses;
}
