import { expect, test } from "vitest";
import { cutVersion, dateAndTime, groupPorts, timestamp } from "./text.ts";

test.each([
  [[], ""],
  [["5432/tcp"], "5432/tcp"],
  [["80/tcp", "443/tcp", "53/udp"], "80,443/tcp 53/udp"],
  [["1555/tcp", "1556/tcp", "1557/tcp", "1559/tcp"], "1555-1557,1559/tcp"],
  [["80/tcp", "8000-8010/tcp", "8011/tcp"], "80,8000-8010,8011/tcp"],
  [["53/udp", "icmp", "80/tcp"], "icmp 80/tcp 53/udp"],
])("ports %j", (ports, expected) => expect(groupPorts(ports)).toBe(expected));

test.each([
  ["7.14.3", "7.14.3"],
  ["123456789012345", "123456789012345"],
  ["1234567890123456", "123456789012..."],
  ["first\nsecond", "first"],
])("version %j", (version, expected) => expect(cutVersion(version)).toBe(expected));

test("times", () => {
  const time = Date.UTC(2026, 0, 3, 4, 5, 6);
  expect(timestamp(time, true)).toBe("04:05:06Z");
  expect(dateAndTime(time, true)).toBe("2026-01-03 04:05:06Z");
  expect(dateAndTime(time, false)).toMatch(/^0[234] Jan 2026 \d\d:05:06(Z|[+-]\d\d:\d\d)$/);
});
