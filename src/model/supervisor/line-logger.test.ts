import fc from "fast-check";
import { expect, test } from "vitest";
import { LineLogger } from "./line-logger.ts";

function lines(chunks: readonly string[]): string[] {
  const seen: string[] = [];
  const logger = new LineLogger((line) => seen.push(line));
  for (const chunk of chunks) logger.push(Buffer.from(chunk));
  logger.end();
  return seen;
}

test.each([
  [["a\nb\n"], ["a", "b"]],
  [
    ["a\n", "\n", "b"],
    ["a", "", "b"],
  ],
  [
    ["par", "tial\nnext"],
    ["partial", "next"],
  ],
  [["x".repeat(4096)], ["x".repeat(4096)]],
  [[`${"x".repeat(5000)}\n`], ["x".repeat(4096), "x".repeat(904)]],
])("%j", (chunks, expected) => expect(lines(chunks)).toEqual(expected));

test("how the bytes are cut into chunks makes no difference, and none is lost", () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[ab\n]{0,40}$/)), (chunks) => {
      const text = chunks.join("");
      expect(lines(chunks)).toEqual(
        text
          .replace(/\n$/, "")
          .split("\n")
          .slice(0, text === "" ? 0 : undefined),
      );
    }),
  );
});
