import { defineCommand } from "citty";
import type { Task } from "../../model/state/types.ts";
import { UserError } from "../../errors.ts";
import { exactly } from "../arguments.ts";
import { printTasks, type TaskFormat } from "../tasks.ts";
import { askModel, MODEL_OPTION } from "../session.ts";

export default defineCommand({
  meta: { name: "show-task", description: "Show the result of a task" },
  args: {
    task: { type: "positional", description: "Number of the task", required: false },
    format: { type: "enum", options: ["plain", "yaml", "json"], description: "Form of the result", default: "plain" },
    utc: { type: "boolean", description: "Show times in UTC" },
    ...MODEL_OPTION,
  },
  async run({ args }) {
    const [id = ""] = exactly(args._, ["task ID"]);
    if (!/^\d+$/.test(id)) throw new UserError(`task ID "${id}" not valid`);
    const task = await askModel<Task>(args.model, "task", { id: Number(id) });
    await printTasks([task], args.format as TaskFormat, args.utc === true);
  },
});
