import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { pages } from "../../scripts/docs.ts";

const documents = [
  "README.md",
  ...readdirSync("docs", { recursive: true, encoding: "utf8" }).map((path) => join("docs", path)),
].filter((path) => path.endsWith(".md"));

/** A status text of the source, with anything in place of its `${…}`. */
function asPattern(text: string): RegExp {
  const pieces = text.split(/\$\{[^}]*\}/).map((piece) => piece.replace(/[.*+?^$()[\]|\\]/g, "\\$&"));
  return new RegExp(pieces.join("[^`|]*"));
}

describe("reference tables", () => {
  test.each(Object.entries(pages()))("%s is what the code says (npm run docs)", (path, text) => {
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("every status the charm can show is explained, in its own words", () => {
    const source = readFileSync("src/charm/status.ts", "utf8");
    const page = readFileSync("docs/reference/statuses.md", "utf8");
    const calls = source.matchAll(/\b(?:blocked|waiting|busy)\(\s*(["`])((?:(?!\1)[\s\S])+)\1/g);
    const texts = [...calls].map(([, , text = ""]) => text);
    expect(texts.length).toBeGreaterThan(20);
    const missing = texts.filter((text) => !asPattern(text).test(page));
    expect(missing).toEqual([]);
  });
});

describe("what the documents name exists", () => {
  const options = Object.keys((parse(readFileSync("charm/config.yaml", "utf8")) as { options: object }).options);
  const actions = Object.keys(parse(readFileSync("charm/actions.yaml", "utf8")) as object);
  const scripts = Object.keys((JSON.parse(readFileSync("package.json", "utf8")) as { scripts: object }).scripts);

  test.each(documents)("%s", (path) => {
    const text = readFileSync(path, "utf8");
    for (const [, target = ""] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (!/^[a-z]+:/.test(target))
        expect(existsSync(normalize(join(dirname(path), target))), `${path} → ${target}`).toBe(true);
    }
    for (const [, option = ""] of text.matchAll(/(?:juju|concourse-machine) config [\w-]+ ([\w-]+)=/g))
      expect(options, path).toContain(option);
    for (const [, action = ""] of text.matchAll(/(?:juju|concourse-machine) run [\w/-]+ ([\w-]+)/g))
      expect(actions, path).toContain(action);
    for (const [, script = ""] of text.matchAll(/npm run ([\w:]+)/g)) expect(scripts, path).toContain(script);
  });
});
