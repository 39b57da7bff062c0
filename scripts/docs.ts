/**
 * `npm run docs`: writes the tables of `docs/reference/` from the charm's own files and the tool's own commands. A test
 * compares them, so that a table that lags behind fails the build.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ArgsDef, CommandDef } from "citty";
import { parse } from "yaml";
import { COMMANDS, type CommandEntry } from "../src/cli/commands.ts";
import { page } from "../tests/release/page.ts";
import { OUTCOMES, readRuns } from "../tests/release/report.ts";
import { ROOT } from "./run.mjs";

interface Option {
  readonly type: string;
  readonly default: string | number | boolean;
  readonly description: string;
}

interface Action {
  readonly description: string;
  readonly params?: Readonly<
    Record<string, { readonly type: string; readonly description: string; readonly default?: unknown }>
  >;
}

const read = (path: string): unknown => parse(readFileSync(join(ROOT, path), "utf8"));
const cell = (text: string): string =>
  text
    .trim()
    .replace(/\s*\n\s*/g, " ")
    .replaceAll("|", "\\|");
const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |\n`).join("");
const note = "<!-- Written by `npm run docs` from the charm's own files. -->\n";

/** One command: what it does, its words, its options. `-m` is left out: nearly all have it. */
async function commandSection(name: string, entry: CommandEntry): Promise<string> {
  const { meta, args } = (await entry.load()).default as CommandDef<ArgsDef>;
  const { description = entry.summary } = meta as { description?: string };
  const all = Object.entries(args as ArgsDef);
  const words = all.filter(([, arg]) => arg.type === "positional");
  const options = all.filter(([option, arg]) => arg.type !== "positional" && (option !== "model" || name === "up"));
  const rows = [
    ...words.map(([word, arg]) => [`\`${word.toUpperCase()}\``, "", cell(arg.description ?? "")]),
    ...options.map(([option, arg]) => [
      `\`${cell(spelling(option, arg))}\``,
      arg.default === undefined || arg.default === "" || arg.default === true ? "" : `\`${String(arg.default)}\``,
      cell(arg.type === "enum" ? `${arg.description} (${arg.options?.join(", ")})` : (arg.description ?? "")),
    ]),
  ];
  return `### \`${name}\`\n\n${description}.\n${rows.length === 0 ? "" : `\n${table(["Argument", "Default", "Meaning"], rows)}`}`;
}

function spelling(option: string, arg: ArgsDef[string]): string {
  const aliases = "alias" in arg ? [arg.alias ?? []].flat() : [];
  const names = [...aliases, option].map((name) => (name.length === 1 ? `-${name}` : `--${name}`));
  const value = arg.type === "enum" ? " CHOICE" : arg.type === "boolean" ? "" : ` ${arg.valueHint ?? "VALUE"}`;
  return `${names.toSorted((a, b) => a.length - b.length).join(", ")}${value}`;
}

async function commandLine(): Promise<string> {
  const groups = Map.groupBy(Object.entries(COMMANDS), ([, { group }]) => group);
  const sections = [...groups].map(async ([group, entries]) => {
    const commands = await Promise.all(entries.map(([name, entry]) => commandSection(name, entry)));
    return `## ${group}\n\n${commands.join("\n")}`;
  });
  return (await Promise.all(sections)).join("\n");
}

/** Path → text of every generated page. */
export async function pages(): Promise<Record<string, string>> {
  const { options } = read("charm/config.yaml") as { options: Record<string, Option> };
  const actions = read("charm/actions.yaml") as Record<string, Action>;
  return {
    "docs/reference/options.md": `${note}
# Options

Set one with \`juju config concourse-ci-machine <option>=<value>\`, or \`concourse-machine config …\` in a local model. A value
that makes no sense is refused by the unit's status, which names the option; what ran before goes on running.

${table(
  ["Option", "Type", "Default", "Meaning"],
  Object.entries(options).map(([name, option]) => [
    `\`${name}\``,
    option.type,
    option.default === "" ? "empty" : `\`${option.default}\``,
    cell(option.description),
  ]),
)}`,
    "docs/reference/actions.md": `${note}
# Actions

Run one with \`juju run concourse-ci-machine/leader <action>\`, or \`concourse-machine run …\` in a local model. Only
\`adopt-store\`, \`fetch-release\` and \`clean-up-releases dry-run=false\` change anything.

${table(
  ["Action", "Parameters", "What it does"],
  Object.entries(actions).map(([name, action]) => [
    `\`${name}\``,
    Object.keys(action.params ?? {})
      .map((param) => `\`${param}\``)
      .join(", ") || "none",
    cell(action.description),
  ]),
)}`,
    "docs/reference/command-line.md": `<!-- Written by \`npm run docs\` from the tool's own commands. -->

# Command line

\`concourse-machine COMMAND [ARGUMENTS] [-m MODEL]\`; in a clone: \`npx concourse-machine\` or \`bin/concourse-machine.mjs\`. It
needs root. \`-m\`, \`--model\` names the model that a command works on; without it that is the one chosen with \`switch\` (\`up\` and
\`add-model\` choose the one they make), else the only one there is.

Options and words may be mixed. Unknown options are refused. Data goes to standard output, messages to standard error. Exit
codes: 0 done; 1 failed, or a command of \`exec\` did; 2 a mistake of the caller, told in one line with what to do; 130 ended by Ctrl-C.
As with Juju 3.6, \`run\` ends with 0 also where the action failed: its output says \`Action id … failed\`.

| Variable | Default | Meaning |
| --- | --- | --- |
| \`CONCOURSE_MACHINE_DATA\` | \`/var/lib/concourse-machine\` | Models: records, logs, machines, the shared directory. On a local disk. |
| \`CONCOURSE_MACHINE_CACHE\` | \`/var/cache/concourse-machine\` | What is slow to make and safe to delete: stand-in releases. |
| \`CONCOURSE_MACHINE_DEBUG\` |  | \`1\`: errors with their stack. |

${await commandLine()}`,
    "docs/reference/releases.md": page(readRuns(OUTCOMES)),
  };
}

if (import.meta.main) for (const [path, text] of Object.entries(await pages())) writeFileSync(join(ROOT, path), text);
