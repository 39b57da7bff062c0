/** Short helper commands of the supervisor inside a machine: not hooks, and not seen by charms. */

import { spawn, spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { once } from "node:events";
import type { Machine } from "../../machines/machine.ts";

/** PATH of an agent that systemd starts. */
export const AGENT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const ENVIRONMENT = { PATH: AGENT_PATH, LANG: "C.UTF-8" };

/** Largest file of a unit that a hook command may read, in bytes: a secret's limit with room for base64. */
const LARGEST_FILE = 16 * 1024 * 1024;

/**
 * Runs `argv` in the machine and returns what it prints. Standard input: bytes, a file of the host, or none.
 * @throws Error with the command's stderr if it fails.
 */
export async function runInMachine(
  machine: Machine,
  argv: readonly string[],
  input: Uint8Array | { readonly file: string } | null = null,
): Promise<string> {
  const [program = "", ...args] = machine.command(argv, ENVIRONMENT, "/");
  const descriptor = input !== null && "file" in input ? openSync(input.file, "r") : null;
  const child = spawn(program, args, { stdio: [descriptor ?? "pipe", "pipe", "pipe"] });
  if (descriptor !== null) closeSync(descriptor);
  child.stdin?.on("error", () => {});
  child.stdin?.end(input instanceof Uint8Array ? input : undefined);
  const output = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (output.stdout += chunk));
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (output.stderr += chunk));
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (code !== 0) throw new Error(output.stderr.trim() || `${argv[0]} ended with ${signal ?? code}`);
  return output.stdout;
}

/**
 * Text of a file of the machine, for a hook command that names one; the hook waits for its answer meanwhile.
 * @throws Error worded as Go words it.
 */
export function readMachineFile(machine: Machine, path: string): string {
  const [program = "", ...args] = machine.command(["cat", "--", path], { ...ENVIRONMENT, LC_ALL: "C" }, "/");
  const result = spawnSync(program, args, { encoding: "utf8", maxBuffer: LARGEST_FILE });
  if (result.status === 0) return result.stdout;
  const reason = /: ([^:]+)$/.exec(result.stderr.trim())?.[1] ?? "unreadable";
  throw new Error(`open ${path}: ${reason.toLowerCase()}`);
}
