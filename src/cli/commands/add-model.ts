import { defineCommand } from "citty";
import { exactly } from "../arguments.ts";
import { createModel } from "../create-model.ts";
import { say } from "../session.ts";

export default defineCommand({
  meta: { name: "add-model", description: "Make an empty model and choose it" },
  args: {
    name: { type: "positional", description: "Name of the model", required: false },
    machines: { type: "string", description: "Kind of machines", default: "namespaces", valueHint: "KIND" },
  },
  async run({ args }) {
    const [name = ""] = exactly(args._, ["model name"]);
    await createModel(name, args.machines);
    say(`Added '${name}' model with ${args.machines} machines`);
  },
});
