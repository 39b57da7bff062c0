import { expect, test } from "vitest";
import { withoutAdded, withoutSecond } from "./ranges.ts";

const incus = "root:1000000:1000000000";
const lxd = ["_lxd:1001000000:10000001", "root:1001000000:10000001"];
const person = "ada:100000:65536";

test.each([
  ["a daemon comes to a host without any", [incus], [], [incus], []],
  ["a second one comes", [incus, ...lxd], [incus], [incus, lxd[0]], [incus]],
  ["a user comes meanwhile", [incus, person], [], [incus, person], [person]],
  ["nothing comes", [person, incus], [person, incus], [person, incus], [person, incus]],
])("%s: root keeps the range it had, and cleaning takes away what packages added", (_, now, before, used, cleaned) => {
  expect(withoutSecond(now, before)).toEqual(used);
  expect(withoutAdded(now, before)).toEqual(cleaned);
});
