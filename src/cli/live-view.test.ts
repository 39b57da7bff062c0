import { expect, test } from "vitest";
import { fitting } from "./live-view.ts";

test("a picture that is higher than the terminal is cut, and says so", () => {
  const lines = ["a", "b", "c", "d"];
  expect(fitting(lines, 4)).toEqual(lines);
  expect(fitting(lines, 3)).toEqual(["a", "b", expect.stringMatching(/^… 2 more lines/)]);
  expect(fitting(lines, 1)).toEqual([expect.stringMatching(/^… 4 more lines/)]);
});
