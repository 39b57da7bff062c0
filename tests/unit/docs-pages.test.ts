/** One page for each status an operator can meet: there, complete, in the code's words, and with commands that exist. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ArgsDef, CommandDef } from "citty";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseStrictly } from "../../src/cli/arguments.ts";
import { COMMANDS } from "../../src/cli/commands.ts";

const DIRECTORY = "docs/how-to/problems";
const names = readdirSync(DIRECTORY);
const pages = names.map((name) => [name, readFileSync(join(DIRECTORY, name), "utf8")] as const);

interface Row {
  readonly texts: readonly string[];
  /** Names of the pages that the row's texts or its code lead to, without `.md`. */
  readonly links: readonly string[];
  /** Null in the table of the charm's own statuses. */
  readonly code: string | null;
}

const problems = rowsOf(readFileSync("docs/how-to/problems.md", "utf8"), /^\| `/);
const statuses = rowsOf(readFileSync("docs/reference/statuses.md", "utf8").split("## What to do")[1] ?? "", /^\| \[?`/);
const rows = [...problems, ...statuses];

/** Rows of tables whose first column has texts of statuses. */
function rowsOf(page: string, begin: RegExp): Row[] {
  return page
    .split("\n")
    .filter((line) => begin.test(line) && line.split(/(?<!\\)\|/).length > 4)
    .map((line) => {
      const [, first = "", second = ""] = line.split(/(?<!\\)\|/);
      return {
        texts: [...first.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text.replaceAll("\\|", "|")),
        links: [...`${first}${second}`.matchAll(/\]\([\w./-]*problems\/([\w-]+)\.md\)/g)].map(([, name = ""]) => name),
        code: /^ \[?`([a-z-]+)`/.exec(second)?.[1] ?? null,
      };
    });
}

const source = ["src/agent", "src/store", "src/concourse"]
  .flatMap((room) => readdirSync(room, { recursive: true, encoding: "utf8" }).map((path) => join(room, path)))
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
  .map((path) => readFileSync(path, "utf8"))
  .join("\n");

/** Whether the code calls a problem of this code blocked, waiting, or now this and now that. */
function kindsOf(code: string): string[] {
  const called = source.matchAll(new RegExp(`\\b(blocked|waiting)\\(\\s*"${code}"`, "g"));
  const written = source.matchAll(
    new RegExp(`(?:problem\\(\\s*"${code}",\\s*|code: "${code}",[^]{0,150}?blocked: )(true|false)`, "g"),
  );
  return [
    ...[...called].map(([, kind = ""]) => kind),
    ...[...written].map(([, isBlocked]) => (isBlocked === "true" ? "blocked" : "waiting")),
  ];
}

describe("rows and pages", () => {
  test("every row leads to its page, and to one page only", () => {
    expect(problems.length).toBeGreaterThan(60);
    expect(statuses.length).toBeGreaterThan(15);
    for (const { texts, links, code } of rows) {
      expect(new Set(links).size, texts[0]).toBe(1);
      expect(links, texts[0]).toHaveLength(code === null ? texts.length : 1);
      if (code !== null) expect(links[0]).toBe(code);
    }
  });

  test("every link has its page, and no page is left without a row", () => {
    expect(names.toSorted()).toEqual(
      [...new Set(rows.flatMap(({ links }) => links))].map((name) => `${name}.md`).toSorted(),
    );
  });

  test.each(pages)("%s is about the texts of its rows, and says the three things", (name, page) => {
    const mine = rows.filter(({ links }) => links.includes(name.slice(0, -3)));
    const [title = ""] = page.split("\n## ");
    const told = [...title.matchAll(/^(?:# |- )`([^`]+)`$/gm)].map(([, text]) => text);
    expect(told).toEqual(mine.flatMap(({ texts }) => texts));
    const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(["What it means", "What to run", "When it is over"]);
    expect(page).toMatch(/^1\. /m);
  });

  test.each(pages)("%s is as blocked as the code says", (name, page) => {
    const [, kind = "", code] = /^\*(Blocked|Waiting)\*(?:, code `([a-z-]+)`)?:/m.exec(page) ?? [];
    const found = problems.find(({ links }) => links.includes(name.slice(0, -3)));
    expect(code).toBe(found?.code ?? undefined);
    expect(code === undefined ? ["blocked", "waiting"] : kindsOf(code)).toContain(kind.toLowerCase());
  });
});

test("every status on the way to active has a row on the page about one that stays", () => {
  const [, onTheWay = ""] = readFileSync("docs/reference/statuses.md", "utf8").split("## On its way");
  const textsOf = (page: string): string[] =>
    [...page.matchAll(/^\| (`.+?`) \|/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text),
    );
  const texts = textsOf(onTheWay.split("\n## ")[0] ?? "");
  expect(texts.length).toBeGreaterThan(20);
  const explained = new Set(textsOf(readFileSync("docs/how-to/a-status-that-stays.md", "utf8")));
  expect(texts.filter((text) => !explained.has(text))).toEqual([]);
});

describe("commands on the pages", () => {
  const options = Object.keys((parse(readFileSync("charm/config.yaml", "utf8")) as { options: object }).options);
  const actions = parse(readFileSync("charm/actions.yaml", "utf8")) as Record<string, { params?: object }>;
  /** Of the application `postgresql`: the charm has the first, the local model plays all. */
  const ofPostgresql = ["get-primary", "resume", "start-server"];
  /** A local model has machines of its host's kind only. */
  const onlyJuju = ["set-constraints"];

  /** What follows `juju` or our program, on lines of their own and within sentences. */
  const callsOf = (page: string): string[] =>
    [...page.matchAll(/^ {4,}(\S.*)$|`([^`\n]+)`/gm)]
      .map(([, line, inline]) => line ?? inline ?? "")
      .flatMap((text) => /^(?:(?:sudo )?(?:npx )?concourse-machine|juju) (.+)$/.exec(text)?.[1] ?? []);

  test.each(pages)("%s", async (_, page) => {
    const calls = callsOf(page);
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls) {
      const [verb = "", ...words] = [...call.matchAll(/'([^']*)'|(\S+)/g)].map(
        ([, quoted, bare]) => quoted ?? bare ?? "",
      );
      if (onlyJuju.includes(verb)) continue;
      await checkCall(verb, words);
    }
  });

  /** Verbs, and their options, are the same for Juju and for a local model. */
  async function checkCall(verb: string, words: readonly string[]): Promise<void> {
    const entry = COMMANDS[verb];
    if (entry === undefined) throw new Error(`no such command: ${verb}`);
    const { args } = (await entry.load()).default as CommandDef<ArgsDef>;
    const { positionals, values } = parseStrictly(words, args as ArgsDef);
    const [subject = "", ...rest] = positionals;
    if (verb === "run") checkAction(subject, rest);
    if (verb !== "config" || subject === "postgresql") return;
    for (const word of [...rest, ...(values["reset"] ?? [])]) expect(options).toContain(word.split("=")[0]);
  }

  function checkAction(unit: string, [name = "", ...parameters]: readonly string[]): void {
    if (unit.startsWith("postgresql/")) return expect(ofPostgresql).toContain(name);
    expect(Object.keys(actions)).toContain(name);
    for (const parameter of parameters)
      expect(Object.keys(actions[name]?.params ?? {})).toContain(parameter.split("=")[0]);
  }
});
