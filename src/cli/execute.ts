/** Finds a command, checks its arguments strictly, and runs it. */

import { stripVTControlCharacters } from "node:util";
import { renderUsage, runCommand, type ArgsDef, type CommandDef } from "citty";
import { UserError } from "../errors.ts";
import { parseStrictly } from "./arguments.ts";
import type { CommandEntry } from "./commands.ts";

/** What people of Juju type, and what does that here. */
const OTHERWISE: Readonly<Record<string, string>> = {
  "add-relation": "integrate",
  relate: "integrate",
  ssh: "exec --unit UNIT -- COMMAND",
  "destroy-model": "down -m MODEL",
  "kill-model": "down -m MODEL",
  "destroy-controller": "down -m MODEL",
  "show-unit": "status --format yaml UNIT",
  "show-application": "status --format yaml APPLICATION",
  "list-models": "models",
  "remove-machine": "remove-unit UNIT --force",
  "add-machine": "add-unit APPLICATION",
};

function nearest(name: string, names: readonly string[]): string {
  const known = OTHERWISE[name];
  if (known !== undefined) return `Use: concourse-machine ${known}`;
  const close = names.filter((candidate) => candidate.startsWith(name) || name.startsWith(candidate));
  return close.length === 1 ? `Did you mean: concourse-machine ${close[0]}` : "See: concourse-machine --help";
}

/** @throws UserError for an unknown command or wrong arguments, else what the command throws. */
export async function execute(
  commands: Readonly<Record<string, CommandEntry>>,
  name: string,
  rawArgs: string[],
): Promise<void> {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) throw new UserError(`unknown command "${name}"`, nearest(name, Object.keys(commands)));
  const command = (await entry.load()).default as CommandDef<ArgsDef>;
  const end = rawArgs.indexOf("--");
  const options = end === -1 ? rawArgs : rawArgs.slice(0, end);
  if (options.includes("--help") || options.includes("-h")) {
    const usage = await renderUsage(command, { meta: { name: "concourse-machine" } });
    process.stdout.write(`${process.stdout.isTTY ? usage : stripVTControlCharacters(usage)}\n`);
    return;
  }
  const data = parseStrictly(rawArgs, command.args as ArgsDef);
  await runCommand(command, { rawArgs, data });
}
