import { expect, test } from "vitest";
import { readArguments } from "./arguments.ts";
import { WHOLE } from "./shrink.ts";

const KNOWN = { suites: ["crash", "errno"], mutations: ["hook-waits", "no-file-fsync"] };
const read = (line: string) => readArguments(line.split(" ").filter(Boolean), KNOWN);
const settings = { units: [2, 8], lock: true };

test.each([
  ["", { do: "run", from: 1, seeds: 1000, settings, json: false, mutation: "none" }],
  [
    "--seeds 20 --from 7 --units 3 --no-lock --json",
    { do: "run", from: 7, seeds: 20, settings: { units: [3, 3], lock: false }, json: true, mutation: "none" },
  ],
  ["--mutation all", { do: "run", from: 1, seeds: 1000, settings, json: false, mutation: "all" }],
  ["--seed 12", { do: "replay", seed: 12, settings, mutation: "none", cut: WHOLE }],
  [
    "--seed 12 --mutation hook-waits --faults 1,4 --steps 300 --most-units 2",
    { do: "replay", seed: 12, settings, mutation: "hook-waits", cut: { faults: [1, 4], steps: 300, units: 2 } },
  ],
  ["crash", { do: "suite", name: "crash" }],
  ["--help", { do: "help" }],
])("%s", (line, command) => {
  expect(read(line)).toEqual(command);
});

test.each([
  ["--seeds 0", "--seeds 0: write a whole number from 1 on"],
  ["--seeds 1e3", "--seeds 1e3: write a whole number from 1 on"],
  ["--seeds", "Option '--seeds <value>' argument missing. See npm run sim -- --help"],
  ["--seed -3", "Option '--seed' argument is ambiguous. See npm run sim -- --help"],
  ["--units 8..2", "--units 8..2: write a range such as 2..8, from 1 to 50"],
  ["--units two", "--units two: write a range such as 2..8, from 1 to 50"],
  ["--units 2..900", "--units 2..900: write a range such as 2..8, from 1 to 50"],
  ["--faults 1", "--faults cuts one seed: say which with --seed"],
  ["--seed 4 --faults a", "--faults a: write a whole number from 0 on"],
  ["--seed 4 --seeds 9", "--seeds is for many seeds: leave it out, or leave out --seed"],
  ["--seed 4 --mutation all", "No mutation all for one seed: there are hook-waits, no-file-fsync"],
  ["--mutation nothing", "No mutation nothing: there are hook-waits, no-file-fsync"],
  ["--sedes 4", "Unknown option '--sedes'. See npm run sim -- --help"],
  ["smash", "No suite smash: there are crash, errno"],
  ["crash --seeds 4", "Suite crash takes nothing more: leave out --seeds"],
])("%s is refused in one line", (line, message) => {
  expect(() => read(line)).toThrow(expect.objectContaining({ name: "UserError", message }));
});
