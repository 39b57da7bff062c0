import { defineCommand } from "citty";
import type { StatusData } from "../../model/state/types.ts";
import { renderTabular } from "../../model/status/tabular.ts";
import { all, count, exactly } from "../arguments.ts";
import { APPLICATION, bringUp, DEFAULTS, WORKER_APPLICATION } from "../bring-up.ts";
import { farewell } from "../farewell.ts";
import { MACHINES_OPTIONS, REACH_OPTIONS, reachOf } from "../machines-option.ts";
import { awaitReady } from "../progress.ts";
import { provideHostPackages } from "../provide-host-packages.ts";
import type { ReleaseChoice } from "../release-source.ts";
import { ExitError } from "../report.ts";
import { askModel, checkModelName, interrupted, print, requireRoot, say } from "../session.ts";

/** 128 + SIGINT, as shells report it. */
const INTERRUPTED = 130;

export default defineCommand({
  meta: {
    name: "up",
    description: "Bring up Concourse on this machine: the charm, its units, PostgreSQL, one shared directory",
  },
  args: {
    units: { type: "string", description: "Units of Concourse", default: String(DEFAULTS.units), valueHint: "N" },
    workers: {
      type: "string",
      description:
        "Workers as an application of their own, the directory read-only; --units are webs then, by default 1",
      valueHint: "N",
    },
    version: { type: "string", description: "Version of Concourse (default: the newest)", default: "", valueHint: "V" },
    release: {
      type: "enum",
      options: ["auto", "github", "stand-in"],
      description: "Where the release comes from; auto: GitHub if it answers",
      default: DEFAULTS.release,
    },
    "release-file": { type: "string", description: "Archive to install, as the charm's resource", valueHint: "FILE" },
    "shared-dir": { type: "string", description: "Directory of this host that all units share", valueHint: "DIR" },
    model: { type: "string", alias: "m", description: "Name of the model", default: "concourse", valueHint: "NAME" },
    ...MACHINES_OPTIONS,
    ...REACH_OPTIONS,
    charm: { type: "string", description: "Charm file (default: packed from this clone)", valueHint: "FILE" },
  },
  async run({ args, data }) {
    exactly(args._, []);
    requireRoot();
    const given = (option: string) => all(data, option).at(-1);
    const reach = reachOf({ isolated: args.isolated, "allow-host": args["allow-host"] });
    const units = given("units") === undefined ? undefined : count(args.units, "--units", 1);
    const workers = args.workers === undefined ? undefined : count(args.workers, "--workers", 1);
    const model = checkModelName(args.model);
    await provideHostPackages();
    const signal = interrupted();
    // What was begun is kept, and another `up` carries on from there.
    signal.addEventListener("abort", () => {
      say(
        `Stopped waiting. Carry on with: concourse-machine up -m ${model}; remove it with: concourse-machine down -m ${model}`,
      );
      process.exit(INTERRUPTED);
    });
    const {
      url,
      units: expected,
      standIn,
    } = await bringUp({
      model,
      machines: given("machines"),
      image: args.image,
      agentVersion: args["agent-version"],
      reach,
      units,
      workers,
      version: given("version"),
      release: given("release") as ReleaseChoice | undefined,
      releaseFile: args["release-file"],
      sharedDirectory: args["shared-dir"],
      charm: args.charm,
      say,
    });
    const settled = await awaitReady(model, expected);
    const status = await askModel<StatusData>(model, "status", {});
    print(renderTabular(status, { relations: false, color: process.stdout.isTTY === true, utc: false }));
    if (settled === "stuck")
      throw new ExitError(
        1,
        `not all units became active; see: concourse-machine debug-log -m ${model} --replay --no-tail`,
      );
    const option = model === "concourse" ? "" : ` -m ${model}`;
    print(farewell({ url, option, workers: workers === undefined ? APPLICATION : WORKER_APPLICATION, standIn }));
  },
});
