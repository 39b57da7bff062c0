/**
 * `npm run docs`: writes the tables of `docs/reference/` from the charm's own files. A test compares them, so that a table
 * that lags behind fails the build.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
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

/** Path → text of every generated page. */
export function pages(): Record<string, string> {
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

Run one with \`juju run concourse-ci-machine/leader <action>\`, or \`concourse-machine run …\` in a local model. Actions look
and answer; none of them changes anything.

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
  };
}

if (import.meta.main) for (const [path, text] of Object.entries(pages())) writeFileSync(join(ROOT, path), text);
