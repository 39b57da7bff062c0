import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { askModel, MODEL_OPTION } from "../session.ts";

export default defineCommand({
  meta: { name: "resolved", description: "Run failed hooks again, or skip them" },
  args: {
    unit: { type: "positional", description: "Units: app/0 …", required: false },
    retry: {
      type: "boolean",
      description: "Run the hook again",
      negativeDescription: "Go on as if it had succeeded",
      default: true,
    },
    all: { type: "boolean", description: "All units in error" },
    ...MODEL_OPTION,
  },
  async run({ args }) {
    if (args._.length === 0 && args.all !== true) throw new UserError("no unit specified");
    if (args._.length > 0 && args.all === true) throw new UserError("specify either units or --all, not both");
    await askModel(args.model, "resolved", { units: args._, all: args.all === true, retry: args.retry });
  },
});
