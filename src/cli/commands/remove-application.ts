import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { askModel, MODEL_OPTION, print } from "../session.ts";

export default defineCommand({
  meta: { name: "remove-application", description: "Remove applications and all their units" },
  args: {
    application: { type: "positional", description: "Applications", required: false },
    prompt: { type: "boolean", description: "As Juju's option: nothing is asked here", default: true },
    ...MODEL_OPTION,
  },
  async run({ args }) {
    if (args._.length === 0) throw new UserError("no application specified");
    for (const application of args._) {
      const lines = await askModel<string[]>(args.model, "remove-application", { application });
      for (const line of lines) print(`${line}\n`);
    }
  },
});
