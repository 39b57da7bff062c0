import { resolve } from "node:path";
import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { count } from "../arguments.ts";
import { printDocument } from "../documents.ts";
import { askModel, MODEL_OPTION, print } from "../session.ts";

const ACTS = "serve FILE | status | requests | throttle BYTES-PER-SECOND|off | fault JSON|none";

function parseFault(text: string): unknown {
  if (text === "none") return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new UserError(`"${text}" is no JSON`, 'Give an object like {"down": true}, or none');
  }
}

export default defineCommand({
  meta: {
    name: "mirror",
    description: "The release mirror of the model, for trying what happens when it is slow or broken",
  },
  args: { act: { type: "positional", description: ACTS, required: false }, ...MODEL_OPTION },
  async run({ args }) {
    const [act = "status", word] = args._;
    if (act === "status") return printDocument(await askModel(args.model, "mirror", {}), "yaml");
    if (act === "requests") {
      for (const request of await askModel<unknown[]>(args.model, "mirror-requests", {}))
        print(`${JSON.stringify(request)}\n`);
      return;
    }
    if (!ACTS.split(" | ").some((form) => form.split(" ")[0] === act))
      throw new UserError(`unknown act "${act}"`, `Use: ${ACTS}`);
    if (word === undefined) throw new UserError(`${act} needs an argument`, `Use: ${ACTS}`);
    if (act === "serve") return void (await askModel(args.model, "serve-release", { release: resolve(word) }));
    if (act === "fault") return void (await askModel(args.model, "fault", parseFault(word)));
    const bytesPerSecond = word === "off" ? null : count(word, "throttle", 1);
    await askModel(args.model, "throttle", { bytesPerSecond });
  },
});
