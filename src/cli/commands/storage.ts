import { resolve } from "node:path";
import { defineCommand } from "citty";
import { UserError } from "../../errors.ts";
import { hostPorts } from "../../host/ports.ts";
import { actFrom, all, duration, exactly } from "../arguments.ts";
import { ExitError } from "../report.ts";
import { interrupted, print, requireRoot, say } from "../session.ts";
import type { AttachRequest, Outcome, World } from "../storage/attach.ts";
import { CLIENTS, type Client } from "../storage/daemons.ts";
import { chooseEngine, type EngineName } from "../storage/engine.ts";
import { JujuClient } from "../storage/juju-client.ts";

const ACTS = ["attach", "detach", "status"];

interface Options {
  readonly model: string | undefined;
  readonly engine: EngineName;
  readonly world: World;
  /** Seconds. */
  readonly wait: number;
}

export default defineCommand({
  meta: {
    name: "storage",
    description:
      "The directory of this host that all units of an application share, in a model of Juju (on LXD or Incus) or a local one",
  },
  args: {
    act: {
      type: "positional",
      description: "attach APP HOSTDIR | detach APP | status [APP …]",
      required: false,
    },
    engine: {
      type: "enum",
      options: ["juju", "local"],
      description: "Whose model it is; default: local if there is a local model of that name, else Juju's",
    },
    client: { type: "enum", options: [...CLIENTS], description: "Look for containers with this one only" },
    "read-only": { type: "boolean", description: "attach: units cannot write (default with mode=worker)" },
    "read-write": { type: "boolean", description: "attach: units can write (default with other modes)" },
    wait: { type: "string", description: "How long units may take to answer", default: "60s", valueHint: "TIME" },
    watch: { type: "boolean", description: "attach: go on, and attach units as they are added, until Ctrl-C" },
    systemd: { type: "boolean", description: "attach: print a unit file that does --watch, and do nothing else" },
    json: { type: "boolean", description: "status: print JSON" },
    model: { type: "string", alias: "m", description: "Model to work on", valueHint: "MODEL" },
  },
  async run({ args, data }) {
    const [word, ...words] = args._;
    const act = actFrom(word, ACTS);
    requireRoot();
    const engine = chooseEngine(args.engine as EngineName | undefined, args.model);
    const clients = args.client === undefined ? {} : { clients: [args.client as Client] };
    const world: World = { ports: hostPorts, juju: new JujuClient(hostPorts.exec), say, ...clients };
    const options: Options = { model: args.model, engine, world, wait: duration(args.wait, "--wait") / 1000 };
    if (act === "status") return status(options, words, args.json === true);
    if (act === "detach") return detach(options, words);
    const given = (option: string): boolean => all(data, option).at(-1) === "true";
    const request = requestFrom(options, words, readOnlyOf(given("read-only"), given("read-write")));
    if (given("systemd")) return printUnit(request, options);
    return attach(request, options, given("watch"));
  },
});

function readOnlyOf(readOnly: boolean, readWrite: boolean): boolean | undefined {
  if (readOnly && readWrite) throw new UserError("--read-only and --read-write exclude each other");
  return readOnly ? true : readWrite ? false : undefined;
}

function requestFrom(options: Options, words: readonly string[], readOnly: boolean | undefined): AttachRequest {
  const [application = "", directory = ""] = exactly(words, ["application", "directory"]);
  return { model: options.model, application, directory: resolve(directory), readOnly, wait: options.wait };
}

async function attach(request: AttachRequest, { engine, world }: Options, goOn: boolean): Promise<void> {
  if (engine === "local") {
    if (goOn) throw new UserError("a local model attaches units as they are added by itself", "Leave --watch out");
    const { attachLocal } = await import("../storage/local.ts");
    return tell(await attachLocal(world, request));
  }
  const { attachMissing, prepareAttach, withAnswers } = await import("../storage/attach.ts");
  const job = await prepareAttach(world, request);
  if (goOn) {
    const { watch } = await import("../storage/watch.ts");
    return watch({ ...world, say: (line) => print(`${line}\n`) }, job, interrupted());
  }
  const { seen, outcomes } = await attachMissing(world, job);
  tell(await withAnswers(world, job, seen, outcomes));
}

async function detach({ engine, world, model }: Options, words: readonly string[]): Promise<void> {
  const [application = ""] = exactly(words, ["application"]);
  if (engine === "local") {
    const { detachLocal } = await import("../storage/local.ts");
    return tell(await detachLocal(model, application));
  }
  const { detach: detachThere } = await import("../storage/attach.ts");
  tell(await detachThere(world, await world.juju.model(model), application));
}

async function status({ engine, world, model, wait }: Options, names: readonly string[], json: boolean): Promise<void> {
  const { rendered } = await import("../storage/overview.ts");
  const overview =
    engine === "local"
      ? await (await import("../storage/local.ts")).statusOfLocal(world, model, names, wait)
      : await (await import("../storage/status.ts")).statusOf(world, await world.juju.model(model), names, wait);
  print(json ? `${JSON.stringify(overview)}\n` : rendered(overview));
}

/** One line a unit. @throws ExitError if one of them is not as it should be */
function tell(outcomes: readonly Outcome[]): void {
  for (const { unit, text } of outcomes) print(`${unit}: ${text}\n`);
  const failed = outcomes.filter(({ ok }) => !ok);
  if (outcomes.length === 0) say("There are no units yet: run this again once there are, or with --watch");
  else if (outcomes.every(({ changed }) => !changed)) say("Nothing was changed");
  if (failed.length > 0) throw new ExitError(1, `${failed.length} of ${outcomes.length} units: see above`);
}

async function printUnit(request: AttachRequest, { engine, model, world }: Options): Promise<void> {
  if (engine === "local")
    throw new UserError("a local model attaches units as they are added by itself", "Leave --systemd out");
  const { watchUnit } = await import("../storage/systemd.ts");
  const { application, directory, readOnly } = request;
  if (model === undefined)
    throw new UserError("a service has no current model", "Name the model with -m, as CONTROLLER:MODEL");
  const access = readOnly === undefined ? [] : [readOnly ? "--read-only" : "--read-write"];
  const client = world.clients?.length === 1 ? ["--client", ...world.clients] : [];
  const words = [application, directory, "-m", model, "--engine", "juju", ...client, ...access];
  const program = [process.execPath, resolve(process.argv[1] ?? "")];
  const { SUDO_USER = "root", JUJU_DATA } = process.env;
  const environment = { SUDO_USER, ...(JUJU_DATA === undefined ? {} : { JUJU_DATA }) };
  print(watchUnit({ program, words, application, directory, environment }));
}
