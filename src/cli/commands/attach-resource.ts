import { resolve } from "node:path";
import { defineCommand } from "citty";
import { exactly, pairs } from "../arguments.ts";
import { askModel, MODEL_OPTION } from "../session.ts";

export default defineCommand({
  meta: { name: "attach-resource", description: "Replace the file of a resource" },
  args: {
    application: { type: "positional", description: "Application", required: false },
    resource: { type: "positional", description: "name=file", required: false },
    ...MODEL_OPTION,
  },
  async run({ args }) {
    const [application, word = ""] = exactly(args._, ["application name", "resource"]);
    for (const [resource, file] of Object.entries(pairs([word], "the resource"))) {
      await askModel(args.model, "attach-resource", { application, resource, file: resolve(file) });
    }
  },
});
