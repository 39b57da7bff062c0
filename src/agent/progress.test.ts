import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createProgressGate,
  LONGEST_PAUSE_MS,
  progressText,
  SHORTEST_PAUSE_MS,
  STEP_PERCENT,
  type Progress,
} from "./progress.ts";

const downloading = (bytes: number, total: number | null, rate = 0): Progress => ({
  step: "downloading",
  bytes,
  total,
  rate,
});

test.each([
  [downloading(73_530_000, 171_000_000, 2_640_000), "Downloading Concourse 7.14.3: 43% of 171 MB, 2.6 MB/s"],
  [downloading(0, 171_000_000), "Downloading Concourse 7.14.3: 0% of 171 MB"],
  [downloading(171_000_001, 171_000_000), "Downloading Concourse 7.14.3: 100% of 171 MB"],
  [downloading(74_000_000, null, 1_000_000), "Downloading Concourse 7.14.3: 74 MB, 1.0 MB/s"],
  [downloading(5, 0), "Downloading Concourse 7.14.3: 0 MB"],
  [{ ...downloading(9, 9), step: "unpacking" } as const, "Unpacking and verifying Concourse 7.14.3"],
])("%j reads well", (progress, text) => {
  expect(progressText("7.14.3", progress)).toBe(text);
});

/** Runs of time and bytes, as a download of some speed gives them. */
const download = fc.record({
  total: fc.integer({ min: 1, max: 1e9 }),
  looks: fc.array(
    fc.record({ after: fc.integer({ min: 1, max: 20_000 }), part: fc.double({ min: 0, max: 0.2, noNaN: true }) }),
    {
      maxLength: 200,
    },
  ),
});

test("told with the first bytes, then at each 5 % or after 30 s, and never more than once in 5 s", () => {
  fc.assert(
    fc.property(download, ({ total, looks }) => {
      const gate = createProgressGate();
      let now = 0;
      let bytes = 0;
      let told: { readonly at: number; readonly part: number } | null = null;
      for (const { after, part: share } of looks) {
        now += after;
        bytes = Math.min(total, bytes + Math.floor(share * total));
        const part = Math.floor(Math.floor((bytes / total) * 100) / STEP_PERCENT);
        const pause: number = told?.part === part ? LONGEST_PAUSE_MS : SHORTEST_PAUSE_MS;
        const due = bytes > 0 && (told === null || now - told.at >= pause);
        expect(gate(now, downloading(bytes, total))).toBe(due);
        if (due) told = { at: now, part };
      }
    }),
  );
});

test("a download that crawls shows figures from its first bytes on", () => {
  const gate = createProgressGate();
  const seconds = Array.from({ length: 95 }, (_, second) => second);
  const told = seconds.filter((second) => gate(second * 1_000, downloading(second * 20_000, 1_000_000_000)));
  expect(told).toEqual([1, 31, 61, 91]);
});

test("a new step is told, though not at once after the last message", () => {
  const gate = createProgressGate();
  expect(gate(0, downloading(50, 100))).toBe(true);
  expect(gate(1_000, { ...downloading(100, 100), step: "unpacking" })).toBe(false);
  expect(gate(5_000, { ...downloading(100, 100), step: "unpacking" })).toBe(true);
  expect(gate(6_000, downloading(1, 100))).toBe(false);
  expect(gate(10_000, downloading(1, 100))).toBe(true);
});

test("without a total it is told now and then", () => {
  const gate = createProgressGate();
  const seconds = Array.from({ length: 70 }, (_, second) => second);
  expect(seconds.filter((second) => gate(second * 1_000, downloading(second * 1e6, null)))).toEqual([1, 31, 61]);
});
