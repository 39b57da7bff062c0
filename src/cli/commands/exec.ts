import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import type { Enqueued } from "../../model/state/types.ts";
import { all, duration } from "../arguments.ts";
import { follow, type TaskFormat } from "../tasks.ts";
import { askModel, MODEL_OPTION } from "../session.ts";

export default defineCommand({
  meta: { name: "exec", description: "Run commands on units, in the context of a hook" },
  args: {
    commands: {
      type: "positional",
      description: "Commands; those with options of their own after --",
      required: false,
    },
    unit: { type: "string", alias: "u", description: "Units: app/0,app/leader", valueHint: "UNITS" },
    application: {
      type: "string",
      alias: ["a", "app"],
      description: "All units of these applications",
      valueHint: "APPS",
    },
    all: { type: "boolean", description: "All units of the model" },
    background: { type: "boolean", description: "Do not wait for the result" },
    wait: { type: "string", description: "Longest time to wait (default 5m)", valueHint: "TIME" },
    format: { type: "enum", options: ["plain", "yaml", "json"], description: "Form of the result", default: "plain" },
    utc: { type: "boolean", description: "Show times in UTC" },
    ...MODEL_OPTION,
  },
  async run({ args, data }) {
    if (args._.length === 0) throw new UserError("no commands specified");
    const units = all(data, "unit").flatMap((list) => list.split(","));
    const applications = [...all(data, "application"), ...all(data, "app")].flatMap((list) => list.split(","));
    if (units.length + applications.length === 0 && args.all !== true) {
      throw new UserError("You must specify a target, either through --all, --application or --unit");
    }
    const params = { units, applications, all: args.all === true, script: args._.join(" ") };
    const enqueued = await askModel<Enqueued>(args.model, "exec", params);
    await follow(args.model, enqueued, {
      format: args.format as TaskFormat,
      background: args.background === true,
      timeout: duration(args.wait ?? "5m", "--wait"),
      utc: args.utc === true,
    });
  },
});
