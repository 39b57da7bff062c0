import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import type { ConfigListing } from "../../model/state/types.ts";
import { all } from "../arguments.ts";
import { configFrom } from "../config-files.ts";
import { printDocument } from "../documents.ts";
import { askModel, MODEL_OPTION, print } from "../session.ts";

export default defineCommand({
  meta: { name: "config", description: "Show or change the options of an application" },
  args: {
    application: { type: "positional", description: "Application", required: false },
    settings: { type: "positional", description: "A key to show, or key=value … to set", required: false },
    file: { type: "string", description: "YAML file with options, below the application's name", valueHint: "FILE" },
    reset: { type: "string", description: "Options to put back to their defaults, by comma", valueHint: "KEYS" },
    format: { type: "enum", options: ["yaml", "json"], description: "Form of the listing", default: "yaml" },
    ...MODEL_OPTION,
  },
  async run({ args, data }) {
    const [application, ...words] = args._;
    if (application === undefined) throw new UserError("no application name specified");
    const reset = all(data, "reset").flatMap((keys) => keys.split(","));
    const [key] = words;
    if (
      words.length === 1 &&
      key !== undefined &&
      !key.includes("=") &&
      args.file === undefined &&
      reset.length === 0
    ) {
      const value = await askModel<unknown>(args.model, "get-config-value", { application, key });
      return print(`${value ?? ""}\n`);
    }
    if (words.length === 0 && args.file === undefined && reset.length === 0) {
      return printDocument(await askModel<ConfigListing>(args.model, "get-config", { application }), args.format);
    }
    const wrong = words.find((word) => !word.includes("="));
    if (wrong !== undefined) throw new UserError(`expected key=value, got "${wrong}"`);
    const values = await configFrom([...(args.file === undefined ? [] : [args.file]), ...words], application);
    await askModel(args.model, "set-config", { application, values, reset });
  },
});
