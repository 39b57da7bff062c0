/** The command line of `npm run sim`: one clear line for each mistake. */
import { parseArgs } from "node:util";
import { UserError } from "../src/errors.ts";
import { WHOLE, type Cut } from "./shrink.ts";
import type { Settings } from "./world/plan.ts";

export const HELP = `Runs the charm, the agent and the store in simulated worlds made from seeds.

  npm run sim -- [--seeds 1000] [--from 1] [--units 2..8] [--no-lock] [--json]
      Runs so many seeds, from the first one on, with 2 to 8 units. Prints how often each situation was met. A seed that
      breaks a rule is printed with the command that replays it, and with a smaller one that breaks the same rule.

  npm run sim -- --seed N [--units 2..8] [--no-lock] [--mutation NAME]
      Replays one seed: every call, the faults by number, the log of charm and agents, a hash of all that. If it breaks a
      rule, a smaller one is looked for. With --faults 1,4 --steps 300 --most-units 2 it is cut by hand.

  npm run sim -- --mutation NAME|all [--seeds 1000]
      Plants a fault and tells how many seeds it takes to find it.

  npm run sim -- SUITE
      What is gone through from end to end: SUITES

  --no-lock   a lock that always says yes
  --json      figures as one line of JSON

Exit codes: 0 no rule was broken, and every situation was met often enough; 1 otherwise; 2 a mistake in the command.
`;

export type Command =
  | { readonly do: "help" }
  | { readonly do: "suite"; readonly name: string }
  | {
      readonly do: "replay";
      readonly seed: number;
      readonly settings: Settings;
      readonly mutation: string;
      readonly cut: Cut;
    }
  | {
      readonly do: "run";
      readonly from: number;
      readonly seeds: number;
      readonly settings: Settings;
      readonly json: boolean;
      /** A name, `all` or `none`. */
      readonly mutation: string;
    };

/** Names that there are. */
export interface Known {
  readonly suites: readonly string[];
  readonly mutations: readonly string[];
}

const OPTIONS = {
  help: { type: "boolean", short: "h", default: false },
  seeds: { type: "string" },
  from: { type: "string" },
  units: { type: "string", default: "2..8" },
  "no-lock": { type: "boolean", default: false },
  seed: { type: "string" },
  mutation: { type: "string", default: "none" },
  faults: { type: "string" },
  steps: { type: "string" },
  "most-units": { type: "string" },
  json: { type: "boolean", default: false },
} as const;

/** More units have never shown anything that eight did not. */
const MOST_UNITS = 50;

/** @throws UserError naming the mistake and how it is written */
export function readArguments(argv: readonly string[], known: Known): Command {
  const { values, positionals } = parsed(argv);
  if (values.help) return { do: "help" };
  const [name, more] = positionals;
  if (name !== undefined) {
    if (!known.suites.includes(name)) throw new UserError(`No suite ${name}: there are ${known.suites.join(", ")}`);
    if (argv.length > 1)
      throw new UserError(`Suite ${name} takes nothing more: leave out ${more ?? argv.find((arg) => arg !== name)}`);
    return { do: "suite", name };
  }
  const settings = { units: range(values.units), lock: !values["no-lock"] };
  const { mutation } = values;
  const every = values.seed === undefined ? ["none", "all"] : ["none"];
  if (![...every, ...known.mutations].includes(mutation))
    throw new UserError(
      `No mutation ${mutation}${values.seed === undefined ? "" : " for one seed"}: there are ${known.mutations.join(", ")}`,
    );
  if (values.seed === undefined) {
    const cut = (["faults", "steps", "most-units"] as const).find((option) => values[option] !== undefined);
    if (cut !== undefined) throw new UserError(`--${cut} cuts one seed: say which with --seed`);
    const [from, seeds] = [whole("from", values.from ?? "1"), whole("seeds", values.seeds ?? "1000", 1)];
    return { do: "run", from, seeds, settings, json: values.json, mutation };
  }
  const many = (["seeds", "from", "json"] as const).find(
    (option) => values[option] !== undefined && values[option] !== false,
  );
  if (many !== undefined) throw new UserError(`--${many} is for many seeds: leave it out, or leave out --seed`);
  return { do: "replay", seed: whole("seed", values.seed), settings, mutation, cut: cutOf(values) };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const [first = ""] = error.message.split(/[.\n]/);
    throw new UserError(first, "See npm run sim -- --help");
  }
}

function cutOf(values: { faults?: string; steps?: string; "most-units"?: string }): Cut {
  const { faults, steps, "most-units": units } = values;
  return {
    faults:
      faults === undefined
        ? WHOLE.faults
        : faults
            .split(",")
            .filter(Boolean)
            .map((fault) => whole("faults", fault)),
    steps: steps === undefined ? WHOLE.steps : whole("steps", steps),
    units: units === undefined ? WHOLE.units : whole("most-units", units, 1),
  };
}

function whole(name: string, text: string, least = 0): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number) || number < least)
    throw new UserError(`--${name} ${text}: write a whole number from ${least} on`);
  return number;
}

function range(text: string): readonly [number, number] {
  const [, low, high = low] = /^(\d+)(?:\.\.(\d+))?$/.exec(text) ?? [];
  const [least, most] = [Number(low), Number(high)];
  if (!(least >= 1 && most >= least && most <= MOST_UNITS))
    throw new UserError(`--units ${text}: write a range such as 2..8, from 1 to ${MOST_UNITS}`);
  return [least, most];
}
