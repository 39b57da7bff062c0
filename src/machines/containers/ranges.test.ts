import { expect, test } from "vitest";
import { settled } from "./ranges.ts";

const incus = "root:1000000:1000000000";
const lxd = ["_lxd:1001000000:10000001", "root:1001000000:10000001"] as const;
const person = "ada:3000000:65536";

test.each([
  ["a package that makes a range", [person, incus], [person], [person, incus]],
  ["a package that makes a second one", [incus, ...lxd], [incus], [incus, lxd[0]]],
  ["a package that makes none where there is none", [], [], [incus]],
  ["the same beside a user's range", [person], [person], [person, "root:3065536:1000000000"]],
  ["a package that changes nothing", [person, incus], [person, incus], [person, incus]],
])("root has one range after %s", (_, now, before, after) => {
  expect(settled(now, before)).toEqual(after);
});
