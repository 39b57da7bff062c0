import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { all, count } from "../arguments.ts";
import { askModel, interrupted, MODEL_OPTION, print } from "../session.ts";

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

export default defineCommand({
  meta: { name: "debug-log", description: "Show the log of the model" },
  args: {
    replay: { type: "boolean", description: "Begin with the oldest entry" },
    tail: { type: "boolean", description: "Go on with new entries (default on a terminal)" },
    lines: {
      type: "string",
      alias: "n",
      description: "Number of entries to begin with",
      default: "10",
      valueHint: "N",
    },
    limit: { type: "string", description: "End after this many entries", valueHint: "N" },
    include: {
      type: "string",
      alias: "i",
      description: "Only these units or applications; may be repeated",
      valueHint: "NAME",
    },
    exclude: {
      type: "string",
      alias: "x",
      description: "Not these units or applications; may be repeated",
      valueHint: "NAME",
    },
    level: { type: "string", alias: "l", description: "Lowest level to show", default: "DEBUG", valueHint: "LEVEL" },
    ...MODEL_OPTION,
  },
  async run({ args, data }) {
    const level = args.level.toUpperCase();
    if (!LEVELS.includes(level))
      throw new UserError(`level value "${args.level}" is not one of "${LEVELS.join('", "')}"`);
    const given = all(data, "tail").length > 0;
    const signal = interrupted();
    const params = {
      include: all(data, "include"),
      exclude: all(data, "exclude"),
      level,
      lines: args.replay === true ? null : count(args.lines, "-n", 0),
      limit: args.limit === undefined ? null : count(args.limit, "--limit", 1),
      follow: given ? args.tail === true : process.stdout.isTTY === true,
    };
    try {
      await askModel(args.model, "log", params, (line) => print(`${String(line)}\n`), signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
});
