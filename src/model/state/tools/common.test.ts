import { describe, expect, test } from "vitest";
import { check, fails, inChanged, inExec, ok, related, type Row, usage } from "../testing/inside.ts";
import { exit } from "../testing/world.ts";
import { formatValue, goFloat } from "./output.ts";

function expectRows(hook: Parameters<typeof check>[0], rows: readonly Row[]): void {
  const { got, wanted } = check(hook, rows);
  expect(got).toEqual(wanted);
}

test("command lines", () => {
  expectRows(inExec(related(), "notes/0"), [
    usage("relation-ids --foo db", "option provided but not defined: --foo"),
    usage("relation-ids -z db", "option provided but not defined: -z"),
    usage("relation-list -r", "option needs an argument: -r"),
    usage("relation-list --relation", "option needs an argument: --relation"),
    usage("relation-get --app=x", 'invalid value "x" for option --app: strconv.ParseBool: parsing "x": invalid syntax'),
    usage("is-leader x y", 'unrecognized args: ["x" "y"]'),
    usage("is-leader --format=bogus", 'invalid value "bogus" for option --format: unknown format "bogus"'),
    usage("goal-state --format smart", 'invalid value "smart" for option --format: unknown format "smart"'),
    ok("is-leader --format json", "true\n"),
    ok("is-leader --format=yaml", "true\n"),
    ok("is-leader", "True\n"),
    ok("relation-ids db --format json", '["db:2"]\n'),
    ok("relation-list -r2", "pg/0\npg/1\n"),
    usage("relation-list -r=2", 'invalid value "=2" for option -r: invalid relation id'),
    usage("relation-list -r db:9", 'invalid value "db:9" for option -r: relation not found'),
    usage("relation-list --relation=db:x", 'invalid value "db:x" for option --relation: invalid relation id'),
    ok("relation-list -r nonsense:2 --format=json", '["pg/0","pg/1"]\n'),
    fails("no-such-tool x", "bad request: unknown command: no-such-tool"),
    ok("juju-log -- -dash"),
  ]);
});

test("help goes to stdout", () => {
  const { code, stdout, stderr } = inExec(related(), "notes/0").try(["relation-get", "--help"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("Usage: relation-get [options] <key> <unit id>\n");
  expect(stdout).toContain("-r");
});

test("output into a file", () => {
  const hook = inExec(related(), "notes/0");
  expect(hook.try(["is-leader", "-o", "out"])).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
    writeFile: { path: "/charm/out", content: "True\n" },
  });
});

test("commands of a run that has ended are refused", () => {
  const world = related();
  const hook = inExec(world, "notes/0");
  world.finish(hook, exit(0));
  expect(hook.try(["is-leader"])).toEqual({
    code: 1,
    stdout: "",
    stderr: `ERROR bad request: wrong context ID; got "${hook.run.contextId}"\n`,
  });
});

describe("formats", () => {
  test.each([
    [null, ["", "", "null\n"]],
    ["text", ["text\n", "text\n", '"text"\n']],
    ["", ["", '""\n', '""\n']],
    [true, ["True\n", "true\n", "true\n"]],
    [
      ["a", "b"],
      ["a\nb\n", "- a\n- b\n", '["a","b"]\n'],
    ],
    [[], ["", "[]\n", "[]\n"]],
    [{ b: "1", a: "x" }, ['a: x\nb: "1"\n', 'a: x\nb: "1"\n', '{"a":"x","b":"1"}\n']],
    [{}, ["{}\n", "{}\n", "{}\n"]],
    [1_000_000, ["1e+06\n", "1e+06\n", "1000000\n"]],
  ])("%j as smart, yaml and json", (value, texts) => {
    expect([formatValue("smart", value), formatValue("yaml", value), formatValue("json", value)]).toEqual(texts);
  });

  test.each([
    ["json", "<&>\u2028é", '"\\u003c\\u0026\\u003e\\u2028é"\n'],
    ["yaml", ["true", "# c", "yes", "a: b", "12"], '- "true"\n- \'# c\'\n- "yes"\n- \'a: b\'\n- "12"\n'],
    ["yaml", { s: "one\ntwo\n" }, "s: |\n  one\n  two\n"],
    ["yaml", { list: ["a"], map: { k: [] } }, "list:\n- a\nmap:\n  k: []\n"],
  ] as const)("%s: quoting", (format, value, text) => {
    expect(formatValue(format, value)).toBe(text);
  });

  test("long lines are folded at 80 columns", () => {
    const text = formatValue("yaml", { key: "word ".repeat(40).trim() });
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(82);
    expect(text.split("\n").length).toBeGreaterThan(2);
  });

  test.each([
    [1, "1"],
    [999_999, "999999"],
    [1_234_567, "1.234567e+06"],
    [0.5, "0.5"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [-2e21, "-2e+21"],
  ])("%d as Go prints it", (value, text) => {
    expect(goFloat(value)).toBe(text);
  });
});

test("standard input is asked for only when it is wanted", () => {
  const hook = inChanged(related(), "unit");
  expect(hook.try(["relation-set", "--file", "-"])).toEqual({ code: 1, stdout: "", stderr: "", needsStdin: true });
  expect(hook.try(["relation-set", "--file", "-"], '{"a": "1", "b": 1.50}').code).toBe(0);
  expect(hook.json("relation-get", "-", "notes/0")).toMatchObject({ a: "1", b: "1.50" });
});
