import { expect, test } from "vitest";
import { forbidden } from "./destinations.ts";

const own = ["192.0.2.2", "2001:db8::2", "127.0.0.1", "::1"];

test.each<[address: string, what: string | null, host: boolean]>([
  ["203.0.113.1", null, false],
  ["2001:db8::1", null, false],
  ["::ffff:203.0.113.1", null, false],
  ["10.90.0.1", null, false],
  ...["127.0.0.1", "127.255.0.9", "0.0.0.0", "::", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:0:0"].map(
    (address) => [address, "an address of this host", false] as [string, string, boolean],
  ),
  ["192.0.2.2", "an address of this host", false],
  ["::ffff:192.0.2.2", "an address of this host", false],
  ["2001:db8::2", "an address of this host", false],
  ["2001:DB8:0::2", "an address of this host", false],
  ["127.0.0.1", null, true],
  ["::1", null, true],
  ["192.0.2.2", null, true],
  ["169.254.169.254", "a link-local address", true],
  ["::ffff:a9fe:a9fe", "a link-local address", true],
  ["fe80::1%eth0", "a link-local address", true],
  ["febf::1", "a link-local address", true],
  ["198.19.255.254", "an address of a model", true],
  ["224.0.0.251", "no address of a single host", true],
  ["255.255.255.255", "no address of a single host", true],
  ["ff02::1", "no address of a single host", true],
])("%s is %s, where the host is allowed: %s", (address, what, host) => {
  expect(forbidden(address, own, host)).toBe(what);
});
