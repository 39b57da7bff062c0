import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { Exec } from "../ports.ts";

const TIMEOUT = 60_000;

/** Runs programs by argv, never through a shell. */
export const hostExec: Exec = {
  async run(argv, options = {}) {
    const [program = "", ...args] = argv;
    const child = spawn(program, args, {
      stdio: "pipe",
      // A process group of its own, so that the timeout ends also what the program started.
      detached: true,
      ...(options.environment === undefined ? {} : { env: { ...options.environment } }),
    });
    const timer = setTimeout(() => killGroup(child.pid), options.timeout ?? TIMEOUT);
    // A program that ends without reading its input is no failure of ours.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    const [stdout, stderr, [code, signal]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "exit") as Promise<[number | null, string | null]>,
    ]).finally(() => clearTimeout(timer));
    return { code, signal, stdout, stderr };
  },
};

function killGroup(pid: number | undefined): void {
  try {
    process.kill(-(pid ?? Number.NaN), "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}
