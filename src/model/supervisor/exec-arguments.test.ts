import { expect, test } from "vitest";
import { parseExecArguments } from "./exec-arguments.ts";

// Rows of Juju's own table test (cmd/jujud/run/run_test.go: TestArgParsing, TestInferredUnit).
test.each([
  [["foo/2", "bar", "baz"], { unit: "foo/2", commands: "bar baz" }],
  [["-u", "foo/2", "unit-foo-2"], { unit: "foo/2", commands: "unit-foo-2" }],
  [["-u", "foo/2", "foo/2"], { unit: "foo/2", commands: "foo/2" }],
  [["unit-name-2", "command"], { unit: "name/2", commands: "command" }],
  [["--unit", "unit-foo-1", "command"], { unit: "foo/1", commands: "command" }],
  [["--relation", "db:1", "unit-name-2", "command"], { unit: "name/2", commands: "command", relationId: 1 }],
  [["-r", "1", "--remote-unit", "a/0", "b/1", "x"], { unit: "b/1", commands: "x", relationId: 1, remoteUnit: "a/0" }],
  [["-u", "foo/2", "-"], { unit: "foo/2", commands: "-" }],
  [["-u", "foo/2", "--", "ls", "-l"], { unit: "foo/2", commands: "ls -l" }],
])("%j", (args, expected) => expect(parseExecArguments(args, [])).toEqual(expected));

test("the machine's only unit is meant where none is named", () => {
  expect(parseExecArguments(["status-get"], ["foo/66"])).toEqual({ unit: "foo/66", commands: "status-get" });
});

test.each([
  [[], "missing unit-name"],
  [["foo"], '"foo" is not a valid tag'],
  [["foo/2"], "missing commands"],
  [["-u", "foo/2"], "missing commands"],
  [["-u", "foo", "x"], '"foo" is not a valid tag'],
  [["--relation", "db:X", "foo/1", "x"], "invalid relation id"],
  [["--remote-unit", "remote/0", "foo/1", "x"], "remote unit: remote/0, provided without a relation"],
  [["--bogus", "foo/1", "x"], "option provided but not defined: --bogus"],
])("%j is refused", (args, message) => expect(() => parseExecArguments(args, ["a/0", "b/0"])).toThrow(message));
