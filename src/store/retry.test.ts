import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isTransientStatus, retryDelay } from "./retry.ts";

const dice = (fraction: number) => ({
  random: { fraction: () => fraction, uuid: () => "", bytes: () => new Uint8Array() },
});

test.each([
  [1, 250, 500],
  [2, 500, 1000],
  [3, 1000, 2000],
  [4, 2000, 4000],
  [5, 3000, 6000],
  [1000, 3000, 6000],
])("retry %i waits from %i to %i milliseconds", (attempt, least, most) => {
  expect(retryDelay(dice(0), attempt)).toBe(least);
  expect(retryDelay(dice(1), attempt)).toBe(most);
});

test("delays grow, and stay short enough to heal within 15 s of a stalled connection's 8", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempt, fraction) => {
        const delay = retryDelay(dice(fraction), attempt);
        expect(delay).toBeLessThanOrEqual(retryDelay(dice(fraction), attempt + 1));
        expect(delay + 8_000).toBeLessThan(15_000);
      },
    ),
  );
});

test("what may pass by itself", () => {
  expect([408, 429, 500, 502, 503, 504].every(isTransientStatus)).toBe(true);
  expect([200, 301, 400, 401, 403, 404, 410, 416].some(isTransientStatus)).toBe(false);
});
