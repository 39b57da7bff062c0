import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { askModel, MODEL_OPTION, print } from "../session.ts";

export default defineCommand({
  meta: { name: "remove-unit", description: "Remove units" },
  args: {
    unit: { type: "positional", description: "Units: app/0 …", required: false },
    prompt: { type: "boolean", description: "As Juju's option: nothing is asked here", default: true },
    ...MODEL_OPTION,
  },
  async run({ args }) {
    if (args._.length === 0) throw new UserError("no units specified");
    const bad = args._.find((unit) => !/^[a-z][a-z0-9-]*\/\d+$/.test(unit));
    if (bad !== undefined) throw new UserError(`invalid unit name "${bad}"`);
    const lines = await askModel<string[]>(args.model, "remove-unit", { units: args._ });
    for (const line of lines) print(`${line}\n`);
  },
});
