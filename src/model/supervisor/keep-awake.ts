import type { ChildProcess } from "node:child_process";

/** Milliseconds. */
const EVERY = 500;

/**
 * Wakes the process that enters a machine for us, should it have stopped itself. `nsenter` does so when the program it
 * waits for is stopped (util-linux 2.38, sys-utils/nsenter.c: continue_as_child), and systemd-shutdown stops everything
 * in the machine before it kills it: the dead program would never be waited for, and the machine never end.
 */
export function keepAwake(child: ChildProcess): void {
  const timer = setInterval(() => child.kill("SIGCONT"), EVERY).unref();
  child.once("exit", () => clearInterval(timer));
  child.once("error", () => clearInterval(timer));
}
