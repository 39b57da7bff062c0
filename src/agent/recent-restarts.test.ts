import { expect, test } from "vitest";
import { RecentRestarts } from "./recent-restarts.ts";

const MINUTE = 60_000;

test("only what was seen to happen counts, and only for ten minutes", () => {
  const recent = new RecentRestarts();
  const looks = [
    [7, 0],
    [8, 1],
    [11, 2],
    [11, 10],
    [11, 11],
    [11, 12],
    [11, 30],
  ] as const;
  expect(looks.map(([total, minute]) => recent.count("web", total, minute * MINUTE))).toEqual([0, 0, 4, 4, 3, 0, 0]);
});

test("a counter that begins anew, and services apart", () => {
  const recent = new RecentRestarts();
  recent.count("web", 6, 0);
  recent.count("worker", 0, 0);
  expect(recent.count("web", 1, MINUTE)).toBe(0);
  expect(recent.count("web", 3, MINUTE)).toBe(3);
  expect(recent.count("worker", 0, MINUTE)).toBe(0);
});
