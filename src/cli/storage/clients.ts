/** Running the clients `juju`, `lxc` and `incus`, and what they say when something is wrong. */

import type { z } from "zod";
import { UserError } from "../../errors.ts";
import type { Exec } from "../../ports.ts";

/** How to get a client that is not there. */
const INSTALL: Readonly<Record<string, string>> = {
  juju: "Install it with: snap install juju; or name a local model with -m (concourse-machine models)",
};

/** Milliseconds: what a client may need for an answer that it does not have to wait for itself. */
const PATIENCE = 60_000;

/** A client that failed: what it said, in one line. */
export class ClientError extends UserError {
  /** All it wrote to its standard error, and to its output. */
  readonly said: string;
  readonly printed: string;

  constructor(cause: string, said: string, { next = "", printed = "" } = {}) {
    super(cause, next);
    this.said = said;
    this.printed = printed;
  }
}

/**
 * Standard output of a client.
 * @param argv the program and its words; the program may be behind others (`sudo … juju`), then `name` says which it is
 * @param timeout milliseconds
 * @throws ClientError if it is not there, fails or is silent
 */
export async function output(
  exec: Exec,
  argv: readonly string[],
  { name = argv[0] ?? "", timeout = PATIENCE }: { readonly name?: string; readonly timeout?: number } = {},
): Promise<string> {
  const result = await exec.run(argv, { timeout }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    throw notInstalled(name, "");
  });
  if (result.code === 0) return result.stdout;
  const said = result.stderr.trim();
  if (said.split("\n").includes(`sudo: ${name}: command not found`)) throw notInstalled(name, said);
  const verb = argv.slice(argv.indexOf(name) + 1).find((word) => !word.startsWith("-")) ?? "";
  const why = result.code === null ? `no answer in ${timeout / 1000} s` : (errorIn(said) ?? `exit code ${result.code}`);
  throw new ClientError(`${name} ${verb}: ${why}`, said, { printed: result.stdout });
}

function notInstalled(name: string, said: string): ClientError {
  return new ClientError(`${name} is not installed`, said, { next: INSTALL[name] });
}

/** Clients hint, warn and tell of their progress before they fail; what failed begins with `ERROR` or `Error:`, or is last. */
function errorIn(said: string): string | undefined {
  const lines = said.split("\n").filter((line) => line.trim() !== "");
  const line = lines.find((text) => /^(?:ERROR|Error:)/.test(text)) ?? lines.at(-1);
  return line?.replace(/^(?:ERROR|Error:)\s*/, "").trim();
}

/** A client's JSON, checked. @throws ClientError if it is no JSON of that shape */
export function read<Shape extends z.ZodType>(shape: Shape, text: string, what: string): z.infer<Shape> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ClientError(`${what} printed no JSON`, text);
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ClientError(`${what} printed something unexpected at ${issue?.path.join(".") || "its start"}`, text);
}
