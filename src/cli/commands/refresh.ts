import { resolve } from "node:path";
import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { exactly } from "../arguments.ts";
import { askModel, MODEL_OPTION, say } from "../session.ts";

export default defineCommand({
  meta: { name: "refresh", description: "Upgrade the charm of an application" },
  args: {
    application: { type: "positional", description: "Application", required: false },
    path: { type: "string", description: "Charm file", valueHint: "FILE" },
    "force-units": { type: "boolean", description: "Upgrade units in error too" },
    ...MODEL_OPTION,
  },
  async run({ args }) {
    const [application] = exactly(args._, ["application name"]);
    if (args.path === undefined) throw new UserError("no charm file specified", "Give one with: --path ./name.charm");
    const params = { application, charm: resolve(args.path), forceUnits: args["force-units"] === true };
    for (const line of await askModel<string[]>(args.model, "refresh", params)) say(line);
  },
});
