import { defineCommand } from "citty";
import type { Disk } from "../../machines/machine.ts";
import { actFrom, exactly } from "../arguments.ts";
import { parseDisk } from "../disks.ts";
import { askModel, MODEL_OPTION, print } from "../session.ts";

const ACTS = ["attach", "detach", "list"];

export default defineCommand({
  meta: {
    name: "disk",
    description: "Directories of this host that all units of an application see; Juju has no verb for it",
  },
  args: {
    act: {
      type: "positional",
      description: "attach APP NAME=HOSTDIR:PATH[:ro] | detach APP NAME | list",
      required: false,
    },
    ...MODEL_OPTION,
  },
  async run({ args }) {
    const [first, ...words] = args._;
    const act = actFrom(first, ACTS);
    if (act === "list") {
      exactly(words, []);
      const disks = await askModel<Record<string, Disk[]>>(args.model, "disks", {});
      for (const [application, list] of Object.entries(disks))
        for (const disk of list) print(lineFor(application, disk));
    } else if (act === "attach") {
      const [application, word = ""] = exactly(words, ["application", "disk"]);
      await askModel(args.model, "attach-disk", { application, disk: parseDisk(word) });
    } else {
      const [application, name] = exactly(words, ["application", "disk"]);
      await askModel(args.model, "detach-disk", { application, name });
    }
  },
});

function lineFor(application: string, disk: Disk): string {
  return `${application} ${disk.name}=${disk.source}:${disk.path}${disk.readOnly ? ":ro" : ""}\n`;
}
