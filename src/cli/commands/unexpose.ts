import { defineCommand } from "citty";
import { exactly } from "../arguments.ts";
import { askModel, MODEL_OPTION } from "../session.ts";

export default defineCommand({
  meta: { name: "unexpose", description: "Close what expose opened" },
  args: { application: { type: "positional", description: "Application", required: false }, ...MODEL_OPTION },
  async run({ args }) {
    const [application] = exactly(args._, ["application name"]);
    await askModel(args.model, "unexpose", { application });
  },
});
