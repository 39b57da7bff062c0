import { defineCommand } from "citty";
import { exactly } from "../arguments.ts";
import { createModel } from "../create-model.ts";
import { MACHINES_OPTIONS, REACH_OPTIONS, reachOf } from "../machines-option.ts";
import { say } from "../session.ts";

export default defineCommand({
  meta: { name: "add-model", description: "Make an empty model and choose it" },
  args: {
    name: { type: "positional", description: "Name of the model", required: false },
    machines: { type: "string", description: "incus, lxd or namespaces", default: "namespaces", valueHint: "KIND" },
    image: MACHINES_OPTIONS.image,
    "agent-version": MACHINES_OPTIONS["agent-version"],
    ...REACH_OPTIONS,
  },
  async run({ args }) {
    const [name = ""] = exactly(args._, ["model name"]);
    const { machines, image } = args;
    const reach = reachOf({ isolated: args.isolated, "allow-host": args["allow-host"] }) ?? "outside";
    await createModel(name, { machines, image, agentVersion: args["agent-version"], reach });
    say(`Added '${name}' model with ${args.machines} machines`);
  },
});
