import { expect, test } from "vitest";
import { addressing } from "../machines/addresses.ts";
import { overlaps, subnet } from "../machines/routes.ts";
import { shortId } from "../model/supervisor/record.ts";
import { freeUuid } from "./create-model.ts";

test("a new model's network is none that the host has a route to, unless the host has one to all of them", () => {
  const half = subnet("10.128.0.0/9");
  for (let tried = 0; tried < 20; tried++) {
    const network = subnet(addressing(shortId(freeUuid([half]))).cidr);
    expect(overlaps(half, network)).toBe(false);
  }
  expect(freeUuid([subnet("10.0.0.0/8")])).toMatch(/^[0-9a-f-]{36}$/);
});
