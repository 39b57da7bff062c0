/** What a hook command is made of, and what it may touch. */
import type { ToolRequest } from "../../contract.ts";
import type { HookContext } from "../agent/context.ts";
import { type FlagSpec, type Parsed, UsageError } from "./flags.ts";
import type { Format } from "./output.ts";

/** An error while running: exit code 1. */
export class ToolError extends Error {}

/** The command wants standard input, which was not sent yet. */
export class StdinWanted extends Error {}

export interface Tool {
  readonly name: string;
  /** Positionals, for `--help`. */
  readonly usage: string;
  readonly purpose: string;
  readonly flags?: readonly FlagSpec[];
  /** Present: the command takes `--format` (the first is the default) and `-o`. */
  readonly formats?: readonly Format[];
  /** Takes `--format` for the sake of old charms, and only says so. */
  readonly deprecatedFormat?: boolean;
  /** Checks the command line (UsageError, exit 2), then works (ToolError, exit 1). */
  run(call: ToolCall): Output | void;
}

/** A value to be formatted, or text as it is. */
export type Output = { readonly value: unknown; readonly smart?: unknown } | { readonly text: string };

export const ALL_FORMATS: readonly Format[] = ["smart", "yaml", "json"];

/** The command line, parsed, and what a command may touch. */
export class ToolCall {
  readonly context: HookContext;
  readonly args: readonly string[];
  readonly now: number;
  readonly #values: ReadonlyMap<string, string | boolean>;
  readonly #request: ToolRequest;
  readonly #readFile: (path: string) => string;

  constructor(
    context: HookContext,
    parsed: Parsed,
    request: ToolRequest,
    now: number,
    readFile: (path: string) => string,
  ) {
    this.context = context;
    this.args = parsed.args;
    this.now = now;
    this.#values = parsed.values;
    this.#request = request;
    this.#readFile = readFile;
  }

  text(flag: string): string | undefined {
    const value = this.#values.get(flag);
    return typeof value === "string" ? value : undefined;
  }

  is(flag: string): boolean {
    return this.#values.get(flag) === true;
  }

  /** At most this many positionals. */
  atMost(count: number): void {
    const surplus = this.args.slice(count);
    if (surplus.length > 0) {
      throw new UsageError(`unrecognized args: [${surplus.map((arg) => JSON.stringify(arg)).join(" ")}]`);
    }
  }

  /** A file of the unit's machine; a relative path starts from where the command was called. Throws Go's message. */
  read(path: string): string {
    const absolute = path.startsWith("/") ? path : `${this.#request.cwd}/${path}`;
    try {
      return this.#readFile(absolute);
    } catch {
      throw new ToolError(`open ${absolute}: no such file or directory`);
    }
  }

  /** `-` = standard input. */
  readOrStdin(path: string): string {
    if (path !== "-") return this.read(path);
    if (this.#request.stdin === null) throw new StdinWanted();
    return this.#request.stdin;
  }
}
