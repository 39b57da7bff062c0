import { expect, test } from "vitest";
import { atMost } from "./bytes.ts";

async function* pieces(...sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size);
}

test("bytes pass as long as there are no more than allowed, however they come", async () => {
  const passed = async (...sizes: readonly number[]): Promise<number> => {
    let count = 0;
    for await (const piece of atMost(pieces(...sizes), 10, () => new Error("too many"))) count += piece.length;
    return count;
  };
  expect(await passed(4, 6)).toBe(10);
  await expect(passed(4, 6, 1)).rejects.toThrow("too many");
  await expect(passed(11)).rejects.toThrow("too many");
});
