import { defineCommand } from "citty";
import { all, exactly } from "../arguments.ts";
import { requireFree } from "../host-ports.ts";
import { askModel, MODEL_OPTION, say } from "../session.ts";
import type { Opened } from "../../model/supervisor/outside-link.ts";
import { UserError } from "../../errors.ts";

/** `8080` or `9000:8080`: host's port, unit's port. */
function parsePort(text: string): [string, number] {
  const match = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(text);
  if (match === null)
    throw new UserError(`invalid value "${text}" for option --host-port`, "Give HOSTPORT or HOSTPORT:UNITPORT");
  return [match[2] ?? match[1] ?? "", Number(match[1])];
}

export default defineCommand({
  meta: { name: "expose", description: "Lead 127.0.0.1 of this host to the ports that an application has opened" },
  args: {
    application: { type: "positional", description: "Application", required: false },
    "host-port": {
      type: "string",
      description:
        "Port of this host for a port of the units (default: the same, or the next free one); may be repeated",
      valueHint: "HOSTPORT[:UNITPORT]",
    },
    ...MODEL_OPTION,
  },
  async run({ args, data }) {
    const [application] = exactly(args._, ["application name"]);
    const hostPorts = all(data, "host-port").map(parsePort);
    for (const [, hostPort] of hostPorts) await requireFree(hostPort);
    const params = { application, hostPorts: Object.fromEntries(hostPorts) };
    const opened = await askModel<Opened[]>(args.model, "expose", params);
    for (const { hostPort, unitPort } of opened)
      say(`127.0.0.1:${hostPort} leads to port ${unitPort} of ${application}`);
  },
});
