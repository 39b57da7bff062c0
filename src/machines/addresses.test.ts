import fc from "fast-check";
import { expect, test } from "vitest";
import { addressing, linkAddress, machineAddress } from "./addresses.ts";

const models = fc.string({ minLength: 1 });
const ids = fc.nat({ max: 60_000 }).map(String);

test("machines of one model have different addresses in its network, none of them the bridge's", () => {
  fc.assert(
    fc.property(models, ids, ids, (model, one, other) => {
      const { gateway } = addressing(model);
      const address = machineAddress(model, one);
      expect(address === machineAddress(model, other)).toBe(one === other);
      expect(address).not.toBe(gateway);
      expect(address.split(".").slice(0, 2)).toEqual(gateway.split(".").slice(0, 2));
      expect(address).toMatch(/^10(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/);
    }),
  );
});

test("no network touches 10.80.0.0/16, the container pool of Concourse", () => {
  fc.assert(
    fc.property(models, (model) => {
      const second = Number(addressing(model).cidr.split(".")[1]);
      expect(second).toBeGreaterThan(80);
      expect(second).toBeLessThan(256);
    }),
  );
});

test("a machine id that is no number has no address", () => {
  for (const id of ["", "-1", "0/lxd/1", "1e3", "65536"])
    expect(() => machineAddress("m", id)).toThrow("has no address");
});

test("a link address is local, unicast and made from the IP address", () => {
  expect(linkAddress("10.243.0.11")).toBe("02:63:0a:f3:00:0b");
});
