import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { readOptions } from "../../../src/charm/options.ts";

interface Declared {
  readonly type: string;
  readonly default: string | number | boolean;
}
const declared = (parse(readFileSync("charm/config.yaml", "utf8")) as { options: Record<string, Declared> }).options;
const defaults = Object.fromEntries(Object.entries(declared).map(([name, option]) => [name, option.default]));

test("the declared defaults are all right", () => {
  expect(readOptions(defaults).mistakes).toEqual([]);
});

test.each([
  ["mode", "x"],
  ["mode", "both"],
  ["version", "v7.14.3"],
  ["version", "latest"],
  ["version", "../../etc"],
  ["version", "8.2.0-rc.1"],
  ["shared-storage", "nfs"],
  ["web-port", 0],
  ["web-port", 2222],
  ["web-port", 2221],
  ["web-port", 8079],
  ["web-port", 70000],
  ["external-url", "ci.example.com"],
  ["external-url", "ftp://ci"],
  ["initial-admin-username", "Ad,min"],
  ["initial-admin-username", ""],
  ["log-level", "warn"],
  ["tag", "a b"],
  ["containerd-dns-server", "dns.example.com"],
  ["containerd-dns-server", "1.1.1.999"],
  ["containerd-dns-server", ":"],
  ["containerd-dns-server", "fd00::1::2"],
  ["containerd-dns-server", "127.0.0.53"],
  ["containerd-dns-server", "10.0.0.1,0.0.0.0"],
  ["containerd-dns-server", "::1"],
  ["containerd-dns-server", "::"],
  ["containerd-dns-server", "::ffff:127.0.0.1"],
  ["containerd-dns-server", "224.0.0.1"],
  ["containerd-dns-server", "255.255.255.255"],
  ["containerd-dns-server", "ff02::fb"],
  ["github-token", "a b"],
  ["release-mirror", "file:///x"],
  ["release-digest", "abc"],
])("%s = %j is refused by name", (option, value) => {
  expect(readOptions({ ...defaults, [option]: value }).mistakes.map((mistake) => mistake.option)).toEqual([option]);
});

test.each([
  ["tag", " a, b,,a ", "tags", ["a", "b"]],
  ["external-url", "https://ci.example.com/", "externalUrl", "https://ci.example.com"],
  ["release-digest", "A".repeat(64), "releaseDigest", "a".repeat(64)],
  ["containerd-dns-server", "1.1.1.1,fd00::1", "dnsServers", ["1.1.1.1", "fd00::1"]],
  ["version", "8.2.5", "version", "8.2.5"],
] as const)("%s = %j", (option, value, field, expected) => {
  const { options, mistakes } = readOptions({ ...defaults, [option]: value });
  expect(mistakes).toEqual([]);
  expect(options[field]).toEqual(expected);
});

test("every declared option is looked at: a wrong one of each type is noticed or used", () => {
  const source = readFileSync("src/charm/options.ts", "utf8");
  for (const name of Object.keys(declared)) expect(source).toContain(`"${name}"`);
});
