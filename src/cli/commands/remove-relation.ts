import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { askModel, MODEL_OPTION } from "../session.ts";

export default defineCommand({
  meta: { name: "remove-relation", description: "End a relation between two applications" },
  args: {
    one: { type: "positional", description: "application[:endpoint]", required: false },
    other: { type: "positional", description: "application[:endpoint]", required: false },
    force: { type: "boolean", description: "Do not wait more than 60 s for the hooks of its units" },
    ...MODEL_OPTION,
  },
  async run({ args }) {
    if (args._.length !== 2) throw new UserError("a relation must involve two applications");
    await askModel(args.model, "remove-relation", { a: args._[0], b: args._[1], force: args.force === true });
  },
});
