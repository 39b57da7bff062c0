/**
 * Command lines as Juju's parser takes them: options and words mixed, unknown options refused, some options repeated.
 * Commands are declared in citty's form; this is the stricter reading of the same declaration.
 */

import { parseArgs, type ParseArgsConfig } from "node:util";
import type { ArgsDef } from "citty";
import { UserError } from "../errors.ts";

export interface Words {
  /** Every value of every option that was given, in order. */
  readonly values: Readonly<Record<string, readonly string[]>>;
  readonly positionals: readonly string[];
}

type Options = NonNullable<ParseArgsConfig["options"]>;

function optionsOf(args: ArgsDef): Options {
  const options: Options = {};
  for (const [name, arg] of Object.entries(args)) {
    if (arg.type === "positional") continue;
    const aliases = "alias" in arg ? [arg.alias ?? []].flat() : [];
    const short = aliases.find((alias) => alias.length === 1);
    const type = arg.type === "boolean" ? ("boolean" as const) : ("string" as const);
    options[name] = { type, multiple: true, ...(short === undefined ? {} : { short }) };
    for (const alias of aliases) if (alias.length > 1) options[alias] = { type, multiple: true };
  }
  return options;
}

function explain(error: NodeJS.ErrnoException): UserError {
  const option = /'(-[^' =,]*)/.exec(error.message)?.[1] ?? "";
  if (error.code === "ERR_PARSE_ARGS_UNKNOWN_OPTION")
    return new UserError(`option provided but not defined: ${option}`);
  if (error.code === "ERR_PARSE_ARGS_INVALID_OPTION_VALUE") {
    const long = /--[^' =<]+/.exec(error.message)?.[0] ?? option;
    if (/ambiguous/.test(error.message))
      return new UserError(`option needs an argument: ${long}`, `One that begins with - is written ${long}=VALUE`);
    const missing = /argument missing/.test(error.message);
    return new UserError(`option ${missing ? "needs an" : "takes no"} argument: ${long}`);
  }
  return new UserError(error.message);
}

/** @throws UserError with the wording of Juju's parser. */
export function parseStrictly(rawArgs: readonly string[], args: ArgsDef): Words {
  try {
    const config = { args: [...rawArgs], options: optionsOf(args), allowPositionals: true, allowNegative: true };
    const { values, positionals } = parseArgs(config);
    const texts = Object.entries(values).map(([name, list]) => [name, [list].flat().map(String)]);
    checkEnums(args, Object.fromEntries(texts) as Words["values"]);
    return { values: Object.fromEntries(texts) as Words["values"], positionals };
  } catch (error) {
    throw error instanceof UserError ? error : explain(error as NodeJS.ErrnoException);
  }
}

function checkEnums(args: ArgsDef, values: Words["values"]): void {
  for (const [name, arg] of Object.entries(args)) {
    if (arg.type !== "enum") continue;
    const bad = values[name]?.find((value) => arg.options?.includes(value) === false);
    if (bad === undefined) continue;
    throw new UserError(`invalid value "${bad}" for option --${name}`, `Use one of: ${arg.options?.join(", ")}`);
  }
}

/** All values of a repeatable option. `data` is what `execute` hands to every command. */
export function all(data: unknown, option: string): readonly string[] {
  return (data as Words).values[option] ?? [];
}

/** `key=value` words. @throws UserError for a word without `=`. */
export function pairs(words: readonly string[], what: string): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at < 1) throw new UserError(`expected ${what} in the form name=value, got "${word}"`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/** A whole number of at least `least`. */
export function count(text: string, option: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
  throw new UserError(`invalid value "${text}" for option ${option}`, `Give a number ${range}`);
}

/** Most units that one command makes. */
export const MOST_UNITS = 1000;

/** The first word of a command that does several things. @throws UserError unless it is one of these */
export function actFrom(word: string | undefined, acts: readonly string[]): string {
  if (word !== undefined && acts.includes(word)) return word;
  const cause = word === undefined ? "no act specified" : `unknown act "${word}"`;
  throw new UserError(cause, `Use one of: ${acts.join(", ")}`);
}

/** `60s`, `5m`, `1h30m`, in milliseconds. */
export function duration(text: string, option: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) {
    throw new UserError(`invalid value "${text}" for option ${option}`, "Give a time like 60s or 5m");
  }
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ""] ?? 0), 0);
}

/** Refuses more words than a command takes, and fewer. `names` in the order of the words. */
export function exactly(words: readonly string[], names: readonly string[]): string[] {
  const missing = names[words.length];
  if (missing !== undefined) throw new UserError(`no ${missing} specified`);
  if (words.length > names.length) {
    throw new UserError(
      `unrecognized args: [${words
        .slice(names.length)
        .map((word) => `"${word}"`)
        .join(" ")}]`,
    );
  }
  return [...words];
}
