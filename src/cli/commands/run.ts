import { readFile } from "node:fs/promises";
import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import type { Enqueued } from "../../model/state/types.ts";
import { duration } from "../arguments.ts";
import { paramsFrom } from "../action-params.ts";
import { follow, type TaskFormat } from "../tasks.ts";
import { askModel, MODEL_OPTION } from "../session.ts";

const RECEIVER = /^[a-z][a-z0-9-]*\/(?:\d+|leader)$/;

export default defineCommand({
  meta: { name: "run", description: "Run an action on units" },
  args: {
    unit: { type: "positional", description: "Units: app/0 or app/leader …", required: false },
    action: { type: "positional", description: "Action", required: false },
    parameters: { type: "positional", description: "key=value …, values read as YAML", required: false },
    params: { type: "string", description: "YAML file with parameters", valueHint: "FILE" },
    "string-args": { type: "boolean", description: "Take values as text, not as YAML" },
    background: { type: "boolean", description: "Do not wait for the result" },
    wait: { type: "string", description: "Longest time to wait (default 60s)", valueHint: "TIME" },
    format: { type: "enum", options: ["plain", "yaml", "json"], description: "Form of the result", default: "plain" },
    utc: { type: "boolean", description: "Show times in UTC" },
    ...MODEL_OPTION,
  },
  async run({ args }) {
    const end = args._.findIndex((word) => !RECEIVER.test(word));
    const receivers = end === -1 ? args._ : args._.slice(0, end);
    const [action, ...words] = end === -1 ? [] : args._.slice(end);
    if (receivers.length === 0)
      throw new UserError(
        action === undefined ? "no unit specified" : `invalid unit or action "${action}"`,
        "Name units as app/0 or app/leader",
      );
    if (action === undefined) throw new UserError("no action specified");
    const text = args.params === undefined ? null : await readParams(args.params);
    const params = await paramsFrom(words, text, args["string-args"] === true);
    const enqueued = await askModel<Enqueued>(args.model, "run", { receivers, action, params });
    await follow(args.model, enqueued, {
      format: args.format as TaskFormat,
      background: args.background === true,
      timeout: duration(args.wait ?? "60s", "--wait"),
      utc: args.utc === true,
    });
  },
});

async function readParams(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    throw new UserError(`cannot read ${file}`);
  }
}
