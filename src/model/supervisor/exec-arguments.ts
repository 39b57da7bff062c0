/** The command line of `juju-exec` inside a machine (Juju 3.6, cmd/jujud/run: RunCommand.Init and its table test). */

import { parseArgs } from "node:util";

export interface ExecArguments {
  readonly unit: string;
  /** `-`: the commands come from standard input. */
  readonly commands: string;
  readonly relationId?: number;
  readonly remoteUnit?: string;
}

const UNIT_NAME = /^[a-z](?:[a-z0-9-]*[a-z0-9])?\/\d+$/;

/** `app/0` for `app/0` and `unit-app-0`, else null. */
function unitFrom(text: string): string | null {
  if (UNIT_NAME.test(text)) return text;
  const tag = /^unit-(.+)-(\d+)$/.exec(text);
  return tag === null ? null : `${tag[1]}/${tag[2]}`;
}

function relationFrom(text: string): number {
  const id = /^(?:.*:)?(\d+)$/.exec(text)?.[1];
  if (id === undefined) throw new Error("invalid relation id");
  return Number(id);
}

/** Positional unit, or the machine's only one if the first word is no unit. */
function takeUnit(words: string[], local: readonly string[]): string {
  const [first] = words;
  if (first === undefined) throw new Error("missing unit-name");
  const named = unitFrom(first);
  if (named !== null) {
    words.shift();
    return named;
  }
  const [only] = local;
  if (only === undefined || local.length > 1) throw new Error(`"${first}" is not a valid tag`);
  return only;
}

function takeOption(text: string): string {
  const unit = unitFrom(text);
  if (unit === null) throw new Error(`"${text}" is not a valid tag`);
  return unit;
}

/**
 * `local`: units of the machine.
 * @throws Error with Juju's message; the caller exits with 2.
 */
export function parseExecArguments(args: readonly string[], local: readonly string[]): ExecArguments {
  const { values, positionals } = parse(args);
  const words = [...positionals];
  const unit = values.unit === undefined ? takeUnit(words, local) : takeOption(values.unit);
  if (words.length === 0) throw new Error("missing commands");
  if (values["remote-unit"] !== undefined && values.relation === undefined) {
    throw new Error(`remote unit: ${values["remote-unit"]}, provided without a relation`);
  }
  return {
    unit,
    commands: words.join(" "),
    ...(values.relation === undefined ? {} : { relationId: relationFrom(values.relation) }),
    ...(values["remote-unit"] === undefined ? {} : { remoteUnit: values["remote-unit"] }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        unit: { type: "string", short: "u" },
        relation: { type: "string", short: "r" },
        "remote-unit": { type: "string" },
        "remote-app": { type: "string" },
        "force-remote-unit": { type: "boolean" },
      },
    });
  } catch (error) {
    throw new Error(gnuflagMessage(error as NodeJS.ErrnoException & Error));
  }
}

/** Node's words for a bad option as Juju's parser says them. */
function gnuflagMessage(error: NodeJS.ErrnoException): string {
  const option = /'(-[^' ]*)/.exec(error.message)?.[1] ?? "";
  return error.code === "ERR_PARSE_ARGS_UNKNOWN_OPTION"
    ? `option provided but not defined: ${option}`
    : `option needs an argument: ${option}`;
}
