import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, openSync } from "node:fs";
import { mkdir, readFile, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { UserError } from "../../errors.ts";
import { hostHierarchies } from "../hierarchies.ts";
import { alive, initOf } from "../init.ts";
import { mounts } from "../mountinfo.ts";
import { run, stockPath } from "../run.ts";
import type { Flavour } from "./flavour.ts";

/**
 * A daemon of our own, for hosts whose PID 1 is not systemd: nobody starts one there. It has its data in a directory of its
 * own, so that one of the host's, now or later, is another one. It makes no network: machines get theirs from us.
 */
function dataDirectory(flavour: Flavour): string {
  return join(flavour.directory, "daemon");
}

export function ownSocket(flavour: Flavour): string {
  return join(dataDirectory(flavour), "unix.socket");
}

/** Seconds that a daemon gets to answer, and to end. */
const patience = 60;

/** Descriptors that a daemon may have open, as its unit of systemd allows. */
const descriptors = 1_048_576;

/** Proxies that it needs to reach the servers of images, as every program takes them. */
const proxies = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/** Starts the daemon, which outlives us, and waits until it answers. */
export async function startOwn(flavour: Flavour): Promise<void> {
  const program = flavour.programs.find((path) => existsSync(path));
  if (program === undefined) throw new UserError(`${flavour.title} is not installed`);
  const directory = dataDirectory(flavour);
  // Whoever lives in a machine must be able to pass through to its root.
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const log = openSync(join(flavour.directory, "daemon.log"), "a");
  const variables = Object.fromEntries(proxies.flatMap((name) => definedPair(name)));
  const env = { PATH: stockPath, [flavour.variable]: directory, ...variables };
  const limited = `ulimit -n ${descriptors} 2>/dev/null; exec "$0" --group "$1"`;
  const child = spawn("/bin/sh", ["-c", limited, program, flavour.group], {
    cwd: "/",
    env,
    detached: true,
    stdio: ["ignore", log, log],
  });
  await once(child, "spawn");
  child.unref();
  await run(program, ["waitready", `--timeout=${patience}`], env);
}

function definedPair(name: string): [string, string][] {
  const value = process.env[name];
  return value === undefined ? [] : [[name, value]];
}

/** Ends the daemon; its machines are gone by then. `pid` as it says itself. */
export async function stopOwn(pid: number): Promise<void> {
  const daemon = initOf(pid);
  const end = Date.now() + patience * 1000;
  process.kill(pid, "SIGTERM");
  // Somebody else's child: the kernel tells nobody but its parent.
  while (alive(daemon)) {
    if (Date.now() > end) throw new Error(`process ${pid} did not end within ${patience} s`);
    await pause(50);
  }
}

/** Removes all that it had on the disk. */
export async function removeOwn(flavour: Flavour): Promise<void> {
  const { directory } = flavour;
  const below = mounts(await readFile("/proc/self/mountinfo", "utf8")).filter(({ path }) =>
    path.startsWith(`${directory}/`),
  );
  for (const { path } of below.toReversed()) await run("umount", [path]);
  // LXC's own place for processes of containers that end; it stays, empty (LXC 5, src/lxc/cgroups/cgfsng.c).
  for (const { mountPoint } of await hostHierarchies())
    await rmdir(join(mountPoint, "lxc.pivot")).catch(() => undefined);
  await rm(directory, { recursive: true, force: true });
}
