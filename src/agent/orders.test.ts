import { expect, test } from "vitest";
import { parseOrders, redact } from "./orders.ts";
import type { Orders } from "./contract.ts";

const orders = {
  schema: 1,
  unit: "ci/0",
  store: {},
  source: { githubToken: "ghp_1" },
  database: { password: "dbpass" },
  web: { password: "webpass" },
} as unknown as Orders;

test("orders are taken whole or not at all", () => {
  const text = JSON.stringify(orders);
  expect(parseOrders(text)).toEqual(orders);
  for (let length = 0; length < text.length; length += 1) expect(parseOrders(text.slice(0, length))).toBeNull();
  for (const other of ["null", "[]", "1", '{"schema":2}', '{"schema":1}']) expect(parseOrders(other)).toBeNull();
});

test("no secret of the orders gets into the journal", () => {
  expect(redact("ghp_1 dbpass http://u:p@host/x webpass dbpass", orders)).toBe("… … http://…@host/x … …");
  expect(redact("plain", null)).toBe("plain");
});
