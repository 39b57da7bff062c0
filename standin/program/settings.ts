/** Reads options from the command line and the environment, with upstream's rules (jessevdk/go-flags) and messages. */

import { readFileSync, statSync } from "node:fs";
import type { KeyObject } from "node:crypto";
import { isIP } from "node:net";
import { Failure } from "./failure.ts";
import { urlProblem } from "./go-url.ts";
import { parseAuthorizedKeys, parsePrivateKey } from "./keys.ts";
import { messageOf } from "./log.ts";
import type { Kind, Option } from "./option-table.ts";

/** Values as given or by default; several for options that may be repeated. */
export class Settings {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  text(name: string): string {
    return this.#values.get(name)?.at(-1) ?? "";
  }

  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  number(name: string): number {
    return Number(this.text(name));
  }

  flag(name: string): boolean {
    return this.has(name) && TRUE.has(this.text(name));
  }

  /** Milliseconds. */
  duration(name: string): number {
    return parseDuration(this.text(name));
  }

  /** Name and value split at the first colon. */
  pairs(name: string): readonly (readonly [string, string])[] {
    return this.list(name).map((item) => {
      const at = item.indexOf(":");
      return at < 0 ? ([item, ""] as const) : ([item.slice(0, at), item.slice(at + 1)] as const);
    });
  }

  key(name: string): KeyObject | null {
    return this.has(name) ? readKey(this.text(name)) : null;
  }

  /** SSH wire blobs; read anew at each call. */
  authorizedKeys(name: string): Buffer[] {
    return this.has(name) ? readAuthorizedKeys(this.text(name)) : [];
  }
}

/**
 * @throws Failure with upstream's text for an unknown option, a bad value or a missing required option.
 */
export function readSettings(
  options: readonly Option[],
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  const given = readArguments(options, args);
  const values = new Map<string, readonly string[]>();
  for (const option of options) {
    const value = given.get(option.name) ?? fromEnvironment(option, environment) ?? defaultOf(option);
    if (value !== null) values.set(option.name, value);
  }
  // What the command line says has been looked at; then what is missing is told, and only then what variables say.
  const missing = options.filter((option) => option.required === true && !values.has(option.name));
  if (missing.length > 0) throw new Failure(missingText(missing.map((option) => `\`${labelOf(option)}'`).toSorted()));
  for (const option of options) for (const item of values.get(option.name) ?? []) check(option, item);
  return new Settings(values);
}

export const variableOf = (option: Option): string =>
  option.variable ?? `CONCOURSE_${option.name.toUpperCase().replaceAll("-", "_")}`;

const REPEATABLE: readonly Kind[] = ["list", "map", "file-list"];

/** The option as upstream's messages name it. */
const labelOf = (option: Option): string =>
  option.short === undefined ? `--${option.name}` : `-${option.short}, --${option.name}`;

function readArguments(options: readonly Option[], args: readonly string[]): Map<string, string[]> {
  const given = new Map<string, string[]>();
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (!word.startsWith("-")) throw new Failure(`unexpected positional arguments: [${[word, ...rest].join(" ")}]`);
    const [flag, inline] = splitOnce(word, "=");
    const option = options.find(({ name, short }) => flag === `--${name}` || flag === `-${short}`);
    if (option === undefined) throw new Failure(`unknown flag \`${flag.replace(/^-+/, "")}'`);
    const value = inline ?? (option.kind === "bool" ? "true" : rest.shift());
    if (value === undefined) throw new Failure(`expected argument for flag \`${labelOf(option)}'`);
    check(option, value);
    const earlier = REPEATABLE.includes(option.kind) ? (given.get(option.name) ?? []) : [];
    given.set(option.name, [...earlier, value]);
  }
  return given;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** A variable that is set but empty counts: as an empty value, or as true for a switch. */
function fromEnvironment(
  option: Option,
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] | null {
  const value = environment[variableOf(option)];
  if (value === undefined) return null;
  return REPEATABLE.includes(option.kind) ? value.split(",") : [value];
}

function defaultOf(option: Option): readonly string[] | null {
  return option.default === undefined ? null : [option.default];
}

function missingText(names: readonly string[]): string {
  if (names.length === 1) return `the required flag ${names[0]} was not specified`;
  return `the required flags ${names.slice(0, -1).join(", ")} and ${names.at(-1)} were not specified`;
}

const TRUE = new Set(["", "1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** Upstream's name of each type, and what it says of a bad value (null = fine). */
const CHECKS: Readonly<Partial<Record<Kind, readonly [string, (value: string) => string | null]>>> = {
  bool: [
    "bool",
    (value) =>
      TRUE.has(value) || FALSE.has(value) ? null : `strconv.ParseBool: parsing ${quote(value)}: invalid syntax`,
  ],
  int: ["int", (value) => integerProblem("ParseInt", value, /^[+-]?\d+$/, Number.MAX_SAFE_INTEGER)],
  uint16: ["uint16", (value) => integerProblem("ParseUint", value, /^\d+$/, 65_535)],
  uint64: ["uint64", (value) => integerProblem("ParseUint", value, /^\d+$/, Number.MAX_SAFE_INTEGER)],
  duration: ["time.Duration", (value) => problemOf(() => parseDuration(value))],
  ip: ["flag.IP", (value) => (isIP(value) === 0 ? `invalid IP: '${value}'` : null)],
  url: ["flag.URL", urlProblem],
  file: ["flag.File", fileProblem],
  "file-list": ["[]flag.File", fileProblem],
  key: ["*flag.PrivateKey", (value) => problemOf(() => readKey(value))],
  "authorized-keys": ["flag.AuthorizedKeys", (value) => problemOf(() => readAuthorizedKeys(value))],
  cipher: [
    "flag.Cipher",
    (value) => {
      const size = Buffer.byteLength(value);
      return [16, 24, 32].includes(size)
        ? null
        : `failed to construct AES cipher: crypto/aes: invalid key size ${size}`;
    },
  ],
};

function check(option: Option, value: string): void {
  if (option.choices !== undefined && !option.choices.includes(value)) {
    const allowed = `${option.choices.slice(0, -1).join(", ")} or ${option.choices.at(-1)}`;
    throw new Failure(`Invalid value \`${value}' for option \`${labelOf(option)}'. Allowed values are: ${allowed}`);
  }
  const [type, problem] = CHECKS[option.kind] ?? ["", () => null];
  const text = problem(value);
  if (text !== null) throw new Failure(`invalid argument for flag \`${labelOf(option)}' (expected ${type}): ${text}`);
}

const quote = (value: string): string => JSON.stringify(value);

function integerProblem(parser: string, value: string, syntax: RegExp, largest: number): string | null {
  const complaint = `strconv.${parser}: parsing ${quote(value)}`;
  if (!syntax.test(value)) return `${complaint}: invalid syntax`;
  return Number(value) > largest ? `${complaint}: value out of range` : null;
}

function fileProblem(path: string): string | null {
  return problemOf(() => goError("stat", path, () => statSync(path)));
}

function problemOf(action: () => unknown): string | null {
  try {
    action();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

function readKey(path: string): KeyObject {
  try {
    return parsePrivateKey(goError("open", path, () => readFileSync(path, "utf8")));
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`failed to read private key file (${path}): ${messageOf(error)}`);
  }
}

function readAuthorizedKeys(path: string): Buffer[] {
  try {
    return parseAuthorizedKeys(goError("open", path, () => readFileSync(path, "utf8")));
  } catch (error) {
    throw new Failure(`failed to read authorized keys: ${messageOf(error)}`);
  }
}

/** Runs a file operation; its error reads as Go's would. */
export function goError<T>(operation: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const texts: Readonly<Record<string, string>> = {
      ENOENT: "no such file or directory",
      EACCES: "permission denied",
      EISDIR: "is a directory",
      ENOTDIR: "not a directory",
    };
    throw new Error(`${operation} ${path}: ${texts[code] ?? messageOf(error)}`, { cause: error });
  }
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's `time.ParseDuration`, in milliseconds. */
export function parseDuration(text: string): number {
  const body = /^[+-]?(.*)$/s.exec(text)?.[1] ?? "";
  if (body === "0") return 0;
  let total = 0;
  let rest = body;
  while (rest !== "" || body === "") {
    const part = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest);
    if (part === null) throw new Failure(`time: invalid duration ${quote(text)}`);
    const [whole, amount = "", unit = ""] = part;
    if (unit === "") throw new Failure(`time: missing unit in duration ${quote(text)}`);
    const factor = UNITS[unit];
    if (factor === undefined) throw new Failure(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`);
    total += Number(amount) * factor;
    rest = rest.slice(whole.length);
  }
  return text.startsWith("-") ? -total : total;
}
