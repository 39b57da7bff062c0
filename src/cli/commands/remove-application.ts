import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { checkRemoval, REMOVAL_OPTIONS, removeEach } from "../removal.ts";

export default defineCommand({
  meta: { name: "remove-application", description: "Remove applications and all their units" },
  args: {
    application: { type: "positional", description: "Applications", required: false },
    ...REMOVAL_OPTIONS,
  },
  async run({ args }) {
    if (args._.length === 0) throw new UserError("no application specified");
    checkRemoval(args);
    await removeEach("remove-application", args._, args, (application) => ({ application }));
  },
});
