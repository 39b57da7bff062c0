import { expect, test } from "vitest";
import { parseResolver, resolverOfBuilds } from "../../../src/charm/resolver.ts";

const machine = parseResolver(`# made by systemd-resolved
nameserver 127.0.0.53
nameserver 10.0.0.2
nameserver ::1
options edns0 trust-ad
search lab.example example.com
`);

test("builds get the machine's servers, search domains and options, but none that listens on loopback", () => {
  expect(resolverOfBuilds([], machine)).toBe(
    "nameserver 10.0.0.2\noptions edns0 trust-ad\nsearch lab.example example.com\n",
  );
});

test("servers that the option names stand in place of the machine's", () => {
  expect(resolverOfBuilds(["1.1.1.1", "fd00::1"], machine)).toBe(
    "nameserver 1.1.1.1\nnameserver fd00::1\noptions edns0 trust-ad\nsearch lab.example example.com\n",
  );
});
