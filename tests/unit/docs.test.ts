import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { pages } from "../../scripts/docs.ts";
import {
  AGENT_DIRECTORY,
  NEW_CLUSTER_SECRET_FILE,
  ORDERS_FILE,
  STATE_FILE,
  WORKER_KEY_FILE,
} from "../../src/agent/contract.ts";
import { HOSTS_FILE } from "../../src/charm/hosts.ts";
import { MEMORY } from "../../src/charm/machine.ts";
import { STORE_PATH } from "../../src/charm/orders.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import {
  AGENT_SERVICE,
  CURRENT_RELEASE,
  DIRECTORIES,
  unitFile,
  WEB_SERVICE,
  WORKER_SERVICE,
} from "../../src/concourse/services.ts";
import { FILES, TSA_PORT } from "../../src/concourse/settings.ts";
import { WORKER_ENDS } from "../../src/concourse/worker-service.ts";
import * as layout from "../../src/store/layout.ts";

const documents = [
  "README.md",
  "SECURITY.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...readdirSync("docs", { recursive: true, encoding: "utf8" }).map((path) => join("docs", path)),
].filter((path) => path.endsWith(".md"));

/** A text of the source with anything in place of its `${…}`, as a table in Markdown writes it. */
function asPattern(text: string): RegExp {
  const pieces = text.split(/\$\{[^}]*\}/).map((piece) => piece.replace(/[.*+?^$()[\]|\\]/g, "\\$&"));
  return new RegExp(pieces.map((piece) => piece.replaceAll("\\|", "\\\\\\|")).join("[^`|]*"));
}

/** First words of the cells of a page's tables, without their code marks. */
function cells(page: string, column: number): string[] {
  const rows = readFileSync(page, "utf8").matchAll(/^\|(.+)\|$/gm);
  return [...rows]
    .map(([, row = ""]) => /`([^`]+)`/.exec(row.split(/(?<!\\)\|/)[column] ?? "")?.[1])
    .filter((text) => text !== undefined);
}

const generated = Object.entries(await pages());

describe("reference tables", () => {
  test.each(generated)("%s is what the code says (npm run docs)", (path, text) => {
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("every status the charm can show is explained, in its own words", () => {
    const files = readdirSync("src/charm").filter((name) => /^status.*\.ts$/.test(name));
    const source = files.map((name) => readFileSync(join("src/charm", name), "utf8")).join("\n");
    const page = readFileSync("docs/reference/statuses.md", "utf8");
    const calls = source.matchAll(/\b(?:blocked|waiting|busy)\(\s*(["`])((?:(?!\1)[\s\S])+)\1/g);
    const texts = [...calls].map(([, , text = ""]) => text);
    expect(texts.length).toBeGreaterThan(20);
    const missing = texts.filter((text) => !asPattern(text).test(page));
    expect(missing).toEqual([]);
  });
});

describe("problems that the agent and the store raise", () => {
  const files = ["src/agent", "src/store", "src/concourse"].flatMap((room) =>
    readdirSync(room, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
      .map((path) => join(room, path)),
  );
  const source = files.map((path) => readFileSync(path, "utf8")).join("\n");
  const constants = new Map(
    [...source.matchAll(/^const ([A-Z_]+) = "([^"]+)";$/gm)].map(([, name = "", text = ""]) => [name, text]),
  );
  const string = String.raw`(?:"[^"]*"|\`[^\`]*\`|[A-Z_]+)`;
  const unquoted = (text: string): string => constants.get(text) ?? text.slice(1, -1);
  const page = "docs/how-to/problems.md";
  const explained = readFileSync(page, "utf8");

  test("each code has a row, and no row is left of a code that is gone", () => {
    const calls = source.matchAll(/\b(?:blocked|waiting|problem)\(\s*"([a-z-]+)"|\bcode: "([a-z]+-[a-z-]+|systemd)"/g);
    const codes = [...calls].map(([, called, written]) => called ?? written ?? "");
    expect(new Set(cells(page, 1))).toEqual(new Set(codes));
  });

  test("each message is there in its own words", () => {
    const ofStore = source.matchAll(new RegExp(String.raw`\b(?:blocked|waiting)\(\s*"[a-z-]+",\s*(${string})`, "g"));
    const ofDatabase = source.matchAll(
      new RegExp(String.raw`\bproblem\(\s*"[a-z-]+",\s*\w+,\s*(${string}),\s*(${string})`, "g"),
    );
    const texts = [
      ...[...ofStore].map(([, text = ""]) => unquoted(text)),
      ...[...ofDatabase].map(([, cause = "", next = ""]) => `${unquoted(cause)}: ${unquoted(next)}`),
    ];
    expect(texts.length).toBeGreaterThan(45);
    expect(texts.filter((text) => !asPattern(text).test(explained))).toEqual([]);
  });
});

describe("files and ports", () => {
  const page = "docs/reference/files-and-ports.md";
  const written = [
    ...[WEB_SERVICE, WORKER_SERVICE, AGENT_SERVICE].map(unitFile),
    ...Object.values(FILES),
    ...Object.values(MEMORY),
    ...DIRECTORIES.map(({ path }) => path),
    AGENT_DIRECTORY,
    ORDERS_FILE,
    STATE_FILE,
    NEW_CLUSTER_SECRET_FILE,
    WORKER_KEY_FILE,
    CURRENT_RELEASE,
    HOSTS_FILE,
    STORE_PATH,
    WORKER_ENDS,
  ];
  const onStore = [
    ...layout.DIRECTORIES.map((name) => `${name}/`),
    layout.MARKER,
    layout.LOCK,
    layout.INSTALLED_VERSION,
    layout.STORE_FILE,
    layout.BIN,
  ];

  test("every path that the charm writes has a row", () => {
    const rows = cells(page, 0);
    expect([...written, ...onStore].filter((path) => !rows.includes(path) && !rows.includes(`${path}/`))).toEqual([]);
    expect(rows).toContain(String(TSA_PORT));
  });

  test("every absolute path that has a row is known to the code", () => {
    const strangers = cells(page, 0).filter(
      (path) => path.startsWith("/") && !written.includes(path.replace(/\/$/, "")),
    );
    expect(strangers).toEqual([]);
  });
});

describe("what the documents name exists", () => {
  const options = Object.keys((parse(readFileSync("charm/config.yaml", "utf8")) as { options: object }).options);
  const actions = Object.keys(parse(readFileSync("charm/actions.yaml", "utf8")) as object);
  const scripts = Object.keys((JSON.parse(readFileSync("package.json", "utf8")) as { scripts: object }).scripts);
  /** Of the application `postgresql`, which the local model plays. */
  const played = ["get-primary", "resume", "start-server", "stop-server"];

  test.each(documents)("%s", (path) => {
    const text = readFileSync(path, "utf8");
    for (const [, target = "", fragment] of text.matchAll(/\]\(([^)#\s]*)(?:#([^)]*))?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const file = target === "" ? path : normalize(join(dirname(path), target));
      expect(existsSync(file), `${path} → ${target}`).toBe(true);
      if (fragment !== undefined) expect(anchors(file), `${path} → ${target}#${fragment}`).toContain(fragment);
    }
    for (const [, option = ""] of text.matchAll(/(?:juju|concourse-machine) config concourse-ci-machine ([\w-]+)=/g))
      expect(options, path).toContain(option);
    for (const [, action = ""] of text.matchAll(/(?:juju|concourse-machine) run (?:[\w-]+\/\w+) ([\w-]+)/g))
      expect([...actions, ...played], path).toContain(action);
    for (const [, script = ""] of text.matchAll(/npm run ([\w:]+)/g)) expect(scripts, path).toContain(script);
    for (const [code] of text.matchAll(/^```[^]*?^```|`[^`\n]+`/gm)) {
      for (const [, verb = ""] of code.matchAll(/(?:npx |[`/])concourse-machine ([a-z][a-z-]*)/g))
        expect(Object.keys(COMMANDS), path).toContain(verb);
    }
  });

  test("the index of decisions lists all of them", () => {
    const index = readFileSync("docs/decisions/README.md", "utf8");
    const decisions = readdirSync("docs/decisions").filter((name) => /^\d/.test(name));
    expect(decisions.filter((name) => !index.includes(`](${name})`))).toEqual([]);
  });
});

/** Anchors of a page's headings, as GitHub makes them. */
function anchors(path: string): string[] {
  const headings = readFileSync(path, "utf8").matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}
