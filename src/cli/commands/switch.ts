import { writeFileSync } from "node:fs";
import { defineCommand } from "citty";
import { currentModelFile } from "../../model/supervisor/paths.ts";
import { chosenModel, currentModel, print, say } from "../session.ts";
import { UserError } from "../../errors.ts";

export default defineCommand({
  meta: { name: "switch", description: "Choose the model that commands without -m mean" },
  args: { name: { type: "positional", description: "Model; none shows the current one", required: false } },
  run({ args }) {
    const [name] = args._;
    if (name === undefined) {
      const current = currentModel();
      if (current === null) throw new UserError("no model is chosen");
      return print(`${current}\n`);
    }
    const before = currentModel();
    chosenModel(name);
    writeFileSync(currentModelFile(), `${name}\n`);
    say(before === name ? `${name} (no change)` : `${before ?? "(none)"} -> ${name}`);
  },
});
