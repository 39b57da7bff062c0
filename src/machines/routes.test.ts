import { expect, test } from "vitest";
import { inNetwork, overlaps, subnet } from "./routes.ts";
import { freePair, links } from "./way-out.ts";

test.each([
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.0/8", false],
  ["default", "203.0.113.9", true],
  ["198.18.0.0/15", "198.19.255.252/30", true],
  ["198.18.0.4/30", "198.18.0.8/30", false],
  ["198.18.0.4/30", "198.18.0.6", true],
  ["128.0.0.0/1", "127.255.255.255", false],
])("%s and %s have an address in common: %s", (one, other, common) => {
  expect([overlaps(subnet(one), subnet(other)), overlaps(subnet(other), subnet(one))]).toEqual([common, common]);
});

test("a pair of links lies beside every route of the host, and is the same each time", () => {
  const first = freePair("ab12cd", []);
  expect(freePair("ab12cd", [])).toEqual(first);
  expect(freePair("ef34ab", [])).not.toEqual(first);
  for (const end of [first.host, first.model]) expect(inNetwork(end, links)).toBe(true);
  const second = freePair("ab12cd", [subnet(`${first.host}/32`)]);
  expect(second).not.toEqual(first);
  expect(freePair("ab12cd", [subnet(`${first.host}/30`), subnet(second.model)])).not.toEqual(second);
  expect(() => freePair("ab12cd", [subnet("198.0.0.0/8")])).toThrow("198.18.0.0/15 is in use");
});
