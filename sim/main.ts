/**
 * `npm run sim -- --seeds 10000 --units 2..8 [--no-lock] [--from 1] [--seed N] [--mutation name|all] [--json]`
 *
 * `npm run sim -- crash` and `npm run sim -- errno`: see `suites.ts`
 *
 * Runs worlds from seeds. A seed that breaks a rule is printed with the command that replays it, cut down to the faults,
 * steps and units that it takes. `--seed` runs one, with its log; `--faults`, `--steps` and `--most-units` cut it.
 */
import { parseArgs } from "node:util";
import { UserError } from "../src/errors.ts";
import { MUTATIONS } from "./mutations/all.ts";
import { huntMutations, replay, runMany } from "./report.ts";
import { WHOLE } from "./shrink.ts";
import { SUITES } from "./suites.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    units: { type: "string", default: "2..8" },
    "no-lock": { type: "boolean", default: false },
    seed: { type: "string" },
    mutation: { type: "string", default: "none" },
    faults: { type: "string" },
    steps: { type: "string" },
    "most-units": { type: "string" },
    json: { type: "boolean", default: false },
  },
});

function whole(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new UserError(`--${name} ${text} is no number: write it as 100`);
  return number;
}

function range(text: string): readonly [number, number] {
  const [low = 0, high = low] = text.split("..").map((part) => whole("units", part));
  if (low < 1 || high < low) throw new UserError(`--units ${text} is no range: write it as 2..8`);
  return [low, high];
}

const optional = (name: "steps" | "most-units"): number | null =>
  values[name] === undefined ? null : whole(name, values[name]);

async function main(): Promise<number> {
  const [name] = positionals;
  if (name !== undefined) {
    const suite = SUITES[name];
    if (suite === undefined) throw new UserError(`No suite ${name}: there are ${Object.keys(SUITES).join(", ")}`);
    return suite();
  }
  const settings = { units: range(values.units), lock: !values["no-lock"] };
  const { mutation } = values;
  if (mutation !== "none" && mutation !== "all" && !MUTATIONS.some(({ name }) => name === mutation))
    throw new UserError(`No mutation ${mutation}: there are ${MUTATIONS.map(({ name }) => name).join(", ")}`);
  if (values.seed !== undefined) {
    const faults = values.faults === undefined ? null : values.faults.split(",").filter(Boolean).map(Number);
    const cut = { ...WHOLE, faults, steps: optional("steps"), units: optional("most-units") };
    return replay(whole("seed", values.seed), settings, mutation, cut);
  }
  const options = {
    from: whole("from", values.from),
    seeds: whole("seeds", values.seeds),
    settings,
    json: values.json,
  };
  if (mutation === "none") return runMany(options);
  return huntMutations(
    MUTATIONS.filter(({ name }) => mutation === "all" || name === mutation),
    options,
  );
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
