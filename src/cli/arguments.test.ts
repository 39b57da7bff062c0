import type { ArgsDef } from "citty";
import { describe, expect, test } from "vitest";
import { count, duration, exactly, pairs, parseStrictly } from "./arguments.ts";
import { paramsFrom } from "./action-params.ts";
import { parseDisk } from "./disks.ts";

const ARGS = {
  "num-units": { type: "string", alias: "n" },
  config: { type: "string" },
  retry: { type: "boolean", default: true },
  format: { type: "enum", options: ["yaml", "json"] },
} satisfies ArgsDef;

describe("command lines", () => {
  test.each([
    [["-n", "3", "app"], { "num-units": ["3"] }, ["app"]],
    [["app", "-n3"], { "num-units": ["3"] }, ["app"]],
    [["--num-units=3"], { "num-units": ["3"] }, []],
    [["--config", "a=1", "--config", "b=2"], { config: ["a=1", "b=2"] }, []],
    [["--no-retry"], { retry: ["false"] }, []],
    [["--", "-n"], {}, ["-n"]],
  ])("%j", (words, values, positionals) => expect(parseStrictly(words, ARGS)).toEqual({ values, positionals }));

  test.each([
    [["--bogus"], "option provided but not defined: --bogus"],
    [["-z"], "option provided but not defined: -z"],
    [["--config"], "option needs an argument: --config"],
    [["-n", "-1"], "option needs an argument: --num-units. One that begins with - is written --num-units=VALUE"],
    [["--format", "xml"], 'invalid value "xml" for option --format'],
    [["--retry=maybe"], "option takes no argument: --retry"],
  ])("%j is refused", (words, message) => expect(() => parseStrictly(words, ARGS)).toThrow(message));
});

test.each([
  ["60s", 60_000],
  ["1h30m", 5_400_000],
  ["250ms", 250],
])("time %s", (text, expected) => expect(duration(text, "--wait")).toBe(expected));

test.each(["", "60", "s", "1x", "-1s", "1s!"])("no time: %j", (text) =>
  expect(() => duration(text, "--wait")).toThrow(/Give a time/),
);

test("numbers, pairs and words", () => {
  expect(count("3", "-n", 1)).toBe(3);
  for (const text of ["0", "-1", "x", "1.5", ""]) expect(() => count(text, "-n", 1)).toThrow(/invalid value/);
  expect(pairs(["a=1", "b=", "c=x=y"], "x")).toEqual({ a: "1", b: "", c: "x=y" });
  expect(() => pairs(["=1"], "--resource")).toThrow(/in the form name=value/);
  expect(() => exactly([], ["application name"])).toThrow("no application name specified");
  expect(() => exactly(["a", "b"], ["x"])).toThrow('unrecognized args: ["b"]');
});

test("action parameters are read as YAML below dotted keys, over those of a file", async () => {
  expect(await paramsFrom(["a.b=1", "a.c=true", "text=x y", "list=[1, 2]"], "a: {d: kept}\n", false)).toEqual({
    a: { d: "kept", b: 1, c: true },
    text: "x y",
    list: [1, 2],
  });
  expect(await paramsFrom(["n=1"], null, true)).toEqual({ n: "1" });
  await expect(paramsFrom(["novalue"], null, false)).rejects.toThrow(/must be of the form/);
});

test("disks", () => {
  expect(parseDisk("data=/srv/data:/var/lib/data:ro")).toEqual({
    name: "data",
    source: "/srv/data",
    path: "/var/lib/data",
    readOnly: true,
  });
  for (const bad of ["data", "data=/a", "data=/a:b", "=/a:/b", "data=/a:/b:rx"])
    expect(() => parseDisk(bad)).toThrow(/invalid disk/);
});
