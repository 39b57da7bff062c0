import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { askModel, MODEL_OPTION } from "../session.ts";

export default defineCommand({
  meta: { name: "integrate", description: "Relate two applications" },
  args: {
    one: { type: "positional", description: "application[:endpoint]", required: false },
    other: { type: "positional", description: "application[:endpoint]", required: false },
    ...MODEL_OPTION,
  },
  async run({ args }) {
    if (args._.length !== 2) throw new UserError("an integration must involve two applications");
    await askModel(args.model, "integrate", { a: args._[0], b: args._[1] });
  },
});
