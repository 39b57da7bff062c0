import { defineCommand } from "citty";
import { actFrom, exactly } from "../arguments.ts";
import { askModel, MODEL_OPTION } from "../session.ts";

const ACTS = ["reboot", "stop", "kill", "start", "freeze", "thaw"];

export default defineCommand({
  meta: {
    name: "machine",
    description: "Reboot, stop, kill (as by the power cord), start, freeze or thaw a machine; Juju has no verb for it",
  },
  args: {
    act: { type: "positional", description: ACTS.join("|"), required: false },
    machine: { type: "positional", description: "Number of the machine", required: false },
    ...MODEL_OPTION,
  },
  async run({ args }) {
    const act = actFrom(args._[0], ACTS);
    const [, id = ""] = exactly(args._, ["act", "machine"]);
    await askModel(args.model, "machine", { id, act });
  },
});
