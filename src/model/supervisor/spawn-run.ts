/** One hook, action or exec as a process, watched as Juju's runner does (Juju 3.6, runner.go: runCharmProcessOnLocal). */

import { spawn, type ChildProcess } from "node:child_process";
import type { Outcome } from "../contract.ts";
import { LineLogger } from "./line-logger.ts";

/** Readers stop this many milliseconds after the process ended, so that a background child holding the pipe blocks nobody. */
const READERS_GRACE = 100;

export interface RunningProcess {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
}

/** Starts `argv` (words on the host) with standard input from /dev/null; `log` gets each line of both streams. */
export function spawnRun(
  argv: readonly string[],
  log: (level: "DEBUG" | "WARNING", line: string) => void,
): RunningProcess {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const stdout = new LineLogger((line) => log("DEBUG", line));
  const stderr = new LineLogger((line) => log("WARNING", line));
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));

  const outcome = new Promise<Outcome>((resolve) => {
    const finish = (end: { exit: number } | { signal: string }): void => {
      child.stdout.destroy();
      child.stderr.destroy();
      stdout.end();
      stderr.end();
      resolve({ ...end, stdout: stdout.text, stderr: stderr.text });
    };
    child.once("error", (error) => {
      log("WARNING", `cannot start ${program}: ${error.message}`);
      finish({ exit: 127 });
    });
    child.once("exit", (code, signal) => {
      const end = signal === null ? { exit: code ?? 1 } : { signal };
      const timer = setTimeout(() => finish(end), READERS_GRACE);
      child.once("close", () => {
        clearTimeout(timer);
        finish(end);
      });
    });
  });
  return { child, outcome };
}
