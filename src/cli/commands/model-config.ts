import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { all, pairs } from "../arguments.ts";
import { printDocument } from "../documents.ts";
import { askModel, MODEL_OPTION, print } from "../session.ts";

export default defineCommand({
  meta: { name: "model-config", description: "Show or change the options of the model" },
  args: {
    settings: { type: "positional", description: "A key to show, or key=value … to set", required: false },
    reset: { type: "string", description: "Options to put back to their defaults, by comma", valueHint: "KEYS" },
    format: {
      type: "enum",
      options: ["tabular", "yaml", "json"],
      description: "Form of the listing",
      default: "tabular",
    },
    ...MODEL_OPTION,
  },
  async run({ args, data }) {
    const reset = all(data, "reset").flatMap((keys) => keys.split(","));
    const [key] = args._;
    if (args._.length > 0 && key?.includes("=") !== false) {
      return void (await askModel(args.model, "set-model-config", { values: pairs(args._, "options"), reset }));
    }
    if (reset.length > 0) return void (await askModel(args.model, "set-model-config", { values: {}, reset }));
    const config = await askModel<Record<string, string>>(args.model, "get-model-config", {});
    if (key !== undefined) {
      if (config[key] === undefined) throw new UserError(`key "${key}" not found in the model's options`);
      return print(`${config[key]}\n`);
    }
    if (args.format !== "tabular") return printDocument(config, args.format);
    const width = Math.max(...Object.keys(config).map((name) => name.length));
    for (const [name, value] of Object.entries(config)) print(`${name.padEnd(width)}  ${value}\n`);
  },
});
