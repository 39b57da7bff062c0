import * as fc from "fast-check";
import { expect, test } from "vitest";
import { backoff, isTransient, LATER, LONGEST_BACKOFF, pauseAfter } from "./retry.ts";

const NOW = Date.parse("Sun, 22 Nov 2026 12:00:00 GMT");
const MINUTE = 60_000;

test.each([
  // status, Retry-After, attempt, least, most
  [null, null, 1, 250, 500],
  [null, null, 2, 500, 1_000],
  [408, null, 3, 1_000, 2_000],
  [429, null, 4, 2_000, 4_000],
  [500, null, 5, 3_000, 6_000],
  [503, null, 1_000, 3_000, 6_000],
  [599, null, 1, 250, 500],
  [429, "30", 1, 30_000, 30_000],
  [503, " 30 ", 1, 30_000, 30_000],
  [429, "0", 1, 250, 500],
  [429, "1", 9, 3_000, 6_000],
  [429, "86400", 1, LATER, LATER],
  [503, "Sun, 22 Nov 2026 12:01:00 GMT", 1, MINUTE, MINUTE],
  [503, "Sun, 22 Nov 2026 11:59:00 GMT", 1, 250, 500],
  [503, "Sun, 22 Nov 2099 12:00:00 GMT", 1, LATER, LATER],
  [429, "soon", 1, 250, 500],
  [429, "-5", 1, 250, 500],
  [404, null, 1, LATER, LATER],
  [404, "1", 1, LATER, LATER],
  [401, null, 7, LATER, LATER],
  [403, null, 1, LATER, LATER],
  [407, null, 1, LATER, LATER],
  [410, null, 1, LATER, LATER],
  [304, null, 1, LATER, LATER],
])("status %s, Retry-After %j, attempt %i: again after %i to %i ms", (status, retryAfter, attempt, least, most) => {
  expect(pauseAfter({ status, retryAfter }, attempt, 0, NOW)).toBe(least);
  expect(pauseAfter({ status, retryAfter }, attempt, 1, NOW)).toBe(most);
});

const dice = fc.double({ min: 0, max: 1, noNaN: true });

test("back-off grows, and stays short enough to heal within 15 s of a stalled connection's 8", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), dice, (attempt, fraction) => {
      const delay = backoff(attempt, fraction);
      expect(delay).toBeLessThanOrEqual(backoff(attempt + 1, fraction));
      expect(delay).toBeLessThanOrEqual(LONGEST_BACKOFF);
      expect(LONGEST_BACKOFF + 8_000).toBeLessThan(15_000);
    }),
  );
});

test("whatever a server says, it is asked again within ten minutes and not at once", () => {
  const header = fc.oneof(fc.constant(null), fc.string(), fc.nat().map(String), fc.date().map(String));
  fc.assert(
    fc.property(fc.option(fc.integer({ min: 100, max: 599 })), header, dice, (status, retryAfter, fraction) => {
      const pause = pauseAfter({ status, retryAfter }, 1, fraction, NOW);
      expect(pause).toBeGreaterThanOrEqual(250);
      expect(pause).toBeLessThanOrEqual(LATER);
    }),
  );
});

test("what may pass by itself", () => {
  expect([null, 408, 429, 500, 502, 503, 504].every(isTransient)).toBe(true);
  expect([200, 301, 400, 401, 403, 404, 410, 416].some(isTransient)).toBe(false);
});
