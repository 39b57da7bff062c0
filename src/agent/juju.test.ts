import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createTurns, quote } from "./juju.ts";

test("bash reads a quoted text as it was", () => {
  const texts = fc.sample(fc.string({ unit: "grapheme", maxLength: 40 }), { numRuns: 60, seed: 1 });
  const clean = ["'; rm -rf / #", "$(id)`id`", "43% of 171 MB", ...texts].filter((text) => !/[\0\n]/.test(text));
  const script = clean.map((text) => `printf '%s\\n' ${quote(text)}`).join("\n");
  expect(execFileSync("bash", ["-c", script], { encoding: "utf8" })).toBe(clean.map((text) => `${text}\n`).join(""));
});

test("work is done one after the other, also after a failure", async () => {
  const turns = createTurns({ run: () => Promise.reject(new Error("not used")) });
  const log: string[] = [];
  const work = (name: string, fails = false) =>
    turns(async () => {
      log.push(`${name} begins`);
      await Promise.resolve();
      log.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const all = await Promise.allSettled([work("a"), work("b", true), work("c")]);
  expect(all.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(log).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});
