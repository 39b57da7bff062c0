import fc from "fast-check";
import { expect, test } from "vitest";
import { createProgressGate, progressText, SHORTEST_PAUSE_MS, STEP_PERCENT, type Progress } from "./progress.ts";

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

test("never more than once in 5 s, at most once for each 5 %, and nothing is left untold for longer than that", () => {
  fc.assert(
    fc.property(download, ({ total, looks }) => {
      const gate = createProgressGate();
      let now = 0;
      let bytes = 0;
      const told: { at: number; part: number }[] = [];
      for (const { after, part } of looks) {
        now += after;
        bytes = Math.min(total, bytes + Math.floor(part * total));
        const percent = Math.floor((bytes / total) * 100);
        const before = told.at(-1) ?? { at: Number.NEGATIVE_INFINITY, part: 0 };
        const due = now - before.at >= SHORTEST_PAUSE_MS && Math.floor(percent / STEP_PERCENT) > before.part;
        expect(gate(now, downloading(bytes, total))).toBe(due);
        if (due) told.push({ at: now, part: Math.floor(percent / STEP_PERCENT) });
      }
      const pauses = told.slice(1).map(({ at }, index) => at - (told[index]?.at ?? 0));
      expect(Math.min(...pauses, SHORTEST_PAUSE_MS)).toBe(SHORTEST_PAUSE_MS);
      expect(new Set(told.map(({ part }) => part)).size).toBe(told.length);
    }),
  );
});

test("a new step is told, though not at once after the last message", () => {
  const gate = createProgressGate();
  expect(gate(0, downloading(50, 100))).toBe(true);
  expect(gate(1_000, { ...downloading(100, 100), step: "unpacking" })).toBe(false);
  expect(gate(5_000, { ...downloading(100, 100), step: "unpacking" })).toBe(true);
  expect(gate(50_000, { ...downloading(100, 100), step: "unpacking" })).toBe(false);
});

test("without a total it is told now and then", () => {
  const gate = createProgressGate();
  const told = Array.from({ length: 60 }, (_, second) => gate(second * 1_000, downloading(second * 1e6, null)));
  expect(told.flatMap((due, second) => (due ? [second] : []))).toEqual([15, 30, 45]);
});
