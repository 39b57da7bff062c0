import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { checkRemoval, REMOVAL_OPTIONS, removeEach } from "../removal.ts";

export default defineCommand({
  meta: { name: "remove-unit", description: "Remove units" },
  args: {
    unit: { type: "positional", description: "Units: app/0 …", required: false },
    ...REMOVAL_OPTIONS,
  },
  async run({ args }) {
    if (args._.length === 0) throw new UserError("no units specified");
    const bad = args._.find((unit) => !/^[a-z][a-z0-9-]*\/\d+$/.test(unit));
    if (bad !== undefined) throw new UserError(`invalid unit name "${bad}"`);
    checkRemoval(args);
    await removeEach("remove-unit", args._, args, (unit) => ({ units: [unit] }));
  },
});
