import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** The PATH of a stock server, for commands of the host and of a machine alike. */
export const stockPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Runs a program of the host and gives its standard output. Throws with its standard error in the message when it fails.
 * The environment is fixed but for `more`: nothing of the caller's (locale, proxies) changes what it prints.
 */
export async function run(
  file: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const env = { PATH: stockPath, LC_ALL: "C", ...more };
  const { stdout } = await execute(file, args, { env, maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}
