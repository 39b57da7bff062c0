import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { exactly } from "../arguments.ts";
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
    const [act = "", id = ""] = exactly(args._, [`act (${ACTS.join(", ")})`, "machine"]);
    if (!ACTS.includes(act)) throw new UserError(`unknown act "${act}"`, `Use one of: ${ACTS.join(", ")}`);
    await askModel(args.model, "machine", { id, act });
  },
});
