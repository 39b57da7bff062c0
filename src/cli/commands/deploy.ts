import { basename, isAbsolute, resolve } from "node:path";
import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { parseDisk } from "../disks.ts";
import type { DeployResult } from "../../model/state/types.ts";
import { all, count, MOST_UNITS, pairs } from "../arguments.ts";
import { configFrom } from "../config-files.ts";
import { PLACEMENT_OPTION, placement } from "../placement.ts";
import { askModel, MODEL_OPTION, say } from "../session.ts";

/** Local files are told from names as Juju does: by how they begin. */
function isLocal(charm: string): boolean {
  return charm.startsWith("./") || charm.startsWith("../") || isAbsolute(charm);
}

export default defineCommand({
  meta: { name: "deploy", description: "Deploy a charm file, or postgresql, which the model plays itself" },
  args: {
    charm: { type: "positional", description: "./name.charm, or postgresql", required: false },
    application: { type: "positional", description: "Name of the application (default: the charm's)", required: false },
    "num-units": { type: "string", alias: "n", description: "Number of units", default: "1", valueHint: "N" },
    config: {
      type: "string",
      description: "key=value, key=@file or a YAML file; may be repeated",
      valueHint: "KEY=VALUE|FILE",
    },
    resource: { type: "string", description: "name=file; may be repeated", valueHint: "NAME=FILE" },
    base: { type: "string", description: "Base of the units (ubuntu@24.04)", valueHint: "BASE" },
    channel: { type: "string", description: "Channel of a charm that is no file", valueHint: "CHANNEL" },
    disk: {
      type: "string",
      description: "Directory of this host that all units see; may be repeated",
      valueHint: "NAME=HOSTDIR:PATH[:ro]",
    },
    ...PLACEMENT_OPTION,
    ...MODEL_OPTION,
  },
  async run({ args, data }) {
    const [charm, name, ...more] = args._;
    if (charm === undefined) throw new UserError("no charm was specified");
    if (more.length > 0) throw new UserError(`unrecognized args: [${more.map((word) => `"${word}"`).join(" ")}]`);
    if (!isLocal(charm) && charm.endsWith(".charm")) {
      throw new UserError(
        `"${charm}" is no name of a charm`,
        `A local file begins with ./ : concourse-machine deploy ./${basename(charm)}`,
      );
    }
    const units = count(args["num-units"], "-n", 0, MOST_UNITS);
    const resources = Object.entries(pairs(all(data, "resource"), "--resource"));
    const result = await askModel<DeployResult>(args.model, "deploy", {
      charm: isLocal(charm) ? resolve(charm) : charm,
      name,
      units,
      config: await configFrom(all(data, "config"), name ?? null),
      resources: Object.fromEntries(resources.map(([resource, file]) => [resource, resolve(file)])),
      base: args.base,
      channel: args.channel,
      disks: all(data, "disk").map(parseDisk),
      to: placement(args.to, units),
    });
    for (const message of result.messages) say(message);
  },
});
