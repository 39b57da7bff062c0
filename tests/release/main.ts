/**
 * `npm run test:release -- --release-file FILE --version V [--to FILE --to-version V]`: brings up three units of that
 * release in a model of its own, runs the conformance table and prints it. Ends with 0 if every row holds. The model's way
 * out leads into an internet of the test's own. Whatever ends it, what it brought up is taken down.
 */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rm, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "../../src/errors.ts";
import { scratchDirectory } from "../fixtures/scratch.ts";
import { INTERNET, Internet } from "../internet.ts";
import sweepAfter from "../sweep.ts";
import type { Orders } from "./inside.ts";
import { GIT, REGISTRY, startOutside } from "./outside.ts";
import type { Release } from "./world.ts";

const { values } = parseArgs({
  options: {
    /** The archive: `concourse-VERSION-linux-ARCH.tgz`. */
    "release-file": { type: "string" },
    version: { type: "string" },
    /** Another one, for the rows that change the version. */
    to: { type: "string" },
    "to-version": { type: "string" },
    machines: { type: "string", default: "namespaces" },
    /** Ids of rows, with commas between them; all by default. */
    rows: { type: "string" },
    restarts: { type: "string", default: "10" },
    /** Keeps the outcomes in tests/release/outcomes.json, for docs/reference/releases.md. */
    record: { type: "boolean", default: false },
  },
});

async function archiveOf(path: string | undefined, version: string | undefined): Promise<Release> {
  if (path === undefined || version === undefined)
    throw new UserError("Give --release-file FILE and --version VERSION");
  const info = await stat(path).catch(() => null);
  if (info === null) throw new UserError(`${path} does not exist`);
  if (!basename(path).startsWith(`concourse-${version}-linux-`))
    throw new UserError(
      `${basename(path)} is no archive of ${version}`,
      "It is called concourse-VERSION-linux-ARCH.tgz",
    );
  return { path: resolve(path), size: info.size, version };
}

async function ordersOf(): Promise<Orders> {
  const restarts = Number(values.restarts);
  if (!Number.isInteger(restarts) || restarts < 1) throw new UserError("--restarts is a number of at least 1");
  return {
    release: await archiveOf(values["release-file"], values.version),
    ...(values.to !== undefined && { to: await archiveOf(values.to, values["to-version"]) }),
    machines: values.machines,
    restarts,
    rows: values.rows?.split(",") ?? null,
    record: values.record,
  };
}

/** Where the tool and its model are: on a host that is connected to that internet alone. Its end is that of its input. */
function startInside(internet: Internet, orders: Orders): ChildProcess {
  const [program = "", ...words] = internet.onHost;
  const command = [process.execPath, join(import.meta.dirname, "inside.ts"), JSON.stringify(orders)];
  // A session of its own, so that a terminal's Ctrl-C ends it in order.
  return spawn(program, [...words, "env", `--chdir=${process.cwd()}`, ...command], {
    stdio: ["pipe", "inherit", "inherit"],
    detached: true,
  });
}

async function main(): Promise<number> {
  const orders = await ordersOf();
  const sweep = sweepAfter();
  const internet = await Internet.create({ names: { [REGISTRY]: INTERNET, [GIT]: INTERNET } });
  const directory = scratchDirectory("cm-outside-");
  const outside = await startOutside(internet.inside, directory, orders.release);
  try {
    const child = startInside(internet, orders);
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => child.stdin?.end());
    const [code] = (await once(child, "exit")) as [number | null];
    return code ?? 1;
  } finally {
    outside.stdin?.end();
    await internet.close();
    await rm(directory, { recursive: true, force: true });
    await sweep();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`test:release: ${error.message}\n`);
  process.exitCode = 2;
}
