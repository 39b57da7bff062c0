import { createInterface } from "node:readline/promises";
import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { removeModel } from "../../model/supervisor/remove.ts";
import { exactly } from "../arguments.ts";
import { chosenModel, MODEL_OPTION, say } from "../session.ts";

async function confirm(name: string): Promise<boolean> {
  if (process.stdin.isTTY !== true) {
    throw new UserError(
      `this removes model "${name}" with all its data`,
      `Say so with: concourse-machine down -m ${name} --yes`,
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`Remove model "${name}" with all its units and data? [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

export default defineCommand({
  meta: { name: "down", description: "Remove a model and everything it has on this host" },
  args: { yes: { type: "boolean", alias: "y", description: "Do not ask" }, ...MODEL_OPTION },
  async run({ args }) {
    exactly(args._, []);
    const paths = chosenModel(args.model);
    if (args.yes !== true && !(await confirm(paths.name))) return say("Nothing removed.");
    await removeModel(paths);
    say(`Model "${paths.name}" is gone.`);
  },
});
