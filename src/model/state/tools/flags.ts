/** Command lines as juju/gnuflag v1.0.0 reads them, with its messages. */
import type { HookContext } from "../agent/context.ts";
import { parseGoBool } from "../settings.ts";

/** A mistake in the command line: exit code 2. */
export class UsageError extends Error {}

export interface FlagSpec {
  /** All spellings, without dashes: one letter = short. */
  readonly names: readonly string[];
  readonly kind: "bool" | "text";
  readonly help: string;
  /** Throws Error with the reason if the value will not do. */
  readonly check?: (value: string, context: HookContext) => void;
}

export interface Parsed {
  /** By the first name of its spec. */
  readonly values: ReadonlyMap<string, string | boolean>;
  readonly args: readonly string[];
}

export class HelpAsked extends Error {}

/** Flags and positionals may be mixed; `--` ends flags; a lone `-` is a positional. */
export function parseFlags(specs: readonly FlagSpec[], argv: readonly string[], context: HookContext): Parsed {
  const reader = new Reader(specs, argv, context);
  reader.readAll();
  return { values: reader.values, args: reader.args };
}

class Reader {
  readonly values = new Map<string, string | boolean>();
  readonly args: string[] = [];
  readonly #specs: readonly FlagSpec[];
  readonly #rest: string[];

  readonly #context: HookContext;

  constructor(specs: readonly FlagSpec[], argv: readonly string[], context: HookContext) {
    this.#context = context;
    this.#specs = specs;
    this.#rest = [...argv];
  }

  readAll(): void {
    for (let word = this.#rest.shift(); word !== undefined; word = this.#rest.shift()) {
      if (word === "--") {
        this.args.push(...this.#rest.splice(0));
      } else if (word.startsWith("--")) {
        this.#readLong(word.slice(2));
      } else if (word.startsWith("-") && word !== "-") {
        this.#readShort(word.slice(1));
      } else {
        this.args.push(word);
      }
    }
  }

  #readLong(word: string): void {
    const equals = word.indexOf("=");
    const name = equals === -1 ? word : word.slice(0, equals);
    const spec = this.#find(name, `--${name}`);
    if (equals !== -1) this.#set(spec, `--${name}`, word.slice(equals + 1));
    else if (spec.kind === "bool") this.values.set(keyOf(spec), true);
    else this.#set(spec, `--${name}`, this.#next(`--${name}`));
  }

  /** `-rVALUE`, `-r VALUE`; switches may be strung together; `=` is part of the value. */
  #readShort(word: string): void {
    const [name = "", ...rest] = word;
    const spec = this.#find(name, `-${name}`);
    if (spec.kind === "text") {
      this.#set(spec, `-${name}`, rest.length > 0 ? rest.join("") : this.#next(`-${name}`));
      return;
    }
    this.values.set(keyOf(spec), true);
    if (rest.length > 0) this.#readShort(rest.join(""));
  }

  #find(name: string, spelling: string): FlagSpec {
    const spec = this.#specs.find(
      (candidate) => candidate.names.includes(name) && (name.length === 1) === !spelling.startsWith("--"),
    );
    if (spec !== undefined) return spec;
    if (name === "help" || name === "h") throw new HelpAsked();
    throw new UsageError(`option provided but not defined: ${spelling}`);
  }

  #next(spelling: string): string {
    const value = this.#rest.shift();
    if (value === undefined) throw new UsageError(`option needs an argument: ${spelling}`);
    return value;
  }

  #set(spec: FlagSpec, spelling: string, value: string): void {
    try {
      spec.check?.(value, this.#context);
    } catch (error) {
      throw invalid(value, spelling, error instanceof Error ? error.message : String(error));
    }
    if (spec.kind === "text") {
      this.values.set(keyOf(spec), value);
      return;
    }
    const flag = parseGoBool(value);
    if (flag === undefined) {
      throw invalid(value, spelling, `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
    }
    this.values.set(keyOf(spec), flag);
  }
}

function keyOf(spec: FlagSpec): string {
  return spec.names[0] ?? "";
}

function invalid(value: string, spelling: string, reason: string): UsageError {
  return new UsageError(`invalid value ${JSON.stringify(value)} for option ${spelling}: ${reason}`);
}
