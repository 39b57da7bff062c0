import { defineCommand } from "citty";
import { count, exactly, MOST_UNITS } from "../arguments.ts";
import { PLACEMENT_OPTION, placement } from "../placement.ts";
import { askModel, MODEL_OPTION } from "../session.ts";

export default defineCommand({
  meta: { name: "add-unit", description: "Add units to an application" },
  args: {
    application: { type: "positional", description: "Application", required: false },
    "num-units": { type: "string", alias: "n", description: "Number of units to add", default: "1", valueHint: "N" },
    ...PLACEMENT_OPTION,
    ...MODEL_OPTION,
  },
  async run({ args }) {
    const [application] = exactly(args._, ["application"]);
    const units = count(args["num-units"], "-n", 1, MOST_UNITS);
    await askModel(args.model, "add-unit", { application, count: units, to: placement(args.to, units) });
  },
});
