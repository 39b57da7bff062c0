import { expect, test } from "vitest";
import { machineResolver, parseResolver } from "./resolver.ts";

test.each([
  ["nameserver 192.0.2.1\nnameserver 2001:db8::1\n", ["192.0.2.1", "2001:db8::1"], []],
  [
    "# by systemd\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan example.com\n",
    ["127.0.0.53"],
    ["lan", "example.com"],
  ],
  ["domain old\n  search\ta  b # c\nsearch last\n", ["127.0.0.1"], ["last"]],
  ["search .\nnameserver", ["127.0.0.1"], []],
  ["", ["127.0.0.1"], []],
])("resolv.conf %j", (text, servers, search) => {
  expect(parseResolver(text)).toEqual({ servers, search });
});

const network = { reach: "outside", address: "10.90.0.1", cidr: "10.90.0.0/16", enter: [] } as const;

test("machines ask the model's name server, with the host's domains; isolated ones ask nobody", () => {
  const host = { servers: ["127.0.0.53"], search: ["lan", "example.com"] };
  expect(machineResolver(network, host)).toBe("nameserver 10.90.0.1\nsearch lan example.com\n");
  expect(machineResolver(network, { ...host, search: [] })).toBe("nameserver 10.90.0.1\n");
  expect(parseResolver(machineResolver({ ...network, reach: "inside" }, host))).toEqual(parseResolver(""));
});
