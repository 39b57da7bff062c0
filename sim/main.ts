/** `npm run sim`: see `HELP` in `arguments.ts`, or `npm run sim -- --help`. */
import { UserError } from "../src/errors.ts";
import { HELP, readArguments } from "./arguments.ts";
import { MUTATIONS } from "./mutations/all.ts";
import { huntMutations, replay, runMany } from "./report.ts";
import { SUITES } from "./suites.ts";

async function main(): Promise<number> {
  const suites = Object.keys(SUITES);
  const command = readArguments(process.argv.slice(2), { suites, mutations: MUTATIONS.map(({ name }) => name) });
  switch (command.do) {
    case "help":
      process.stdout.write(HELP.replace("SUITES", suites.join(", ")));
      return 0;
    case "suite":
      return SUITES[command.name]?.() ?? 1;
    case "replay":
      return replay(command.seed, command.settings, command.mutation, command.cut);
    case "run": {
      const { mutation } = command;
      if (mutation === "none") return runMany(command);
      return huntMutations(
        MUTATIONS.filter(({ name }) => mutation === "all" || name === mutation),
        command,
      );
    }
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
