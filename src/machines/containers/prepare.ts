import { existsSync } from "node:fs";
import { UserError } from "../../errors.ts";
import type { Step } from "../machine.ts";
import { run } from "../run.ts";
import { connect, connected, describe } from "./connect.ts";
import { project, type Daemon } from "./daemon.ts";
import type { Flavour } from "./flavour.ts";
import { buildable, hostRecipe } from "./image/build.ts";
import { aliasOf, hasImage, provideImage } from "./image/images.ts";
import { removeOwn, startOwn, stopOwn } from "./own.ts";
import { absentOf, installing, uninstalling } from "./packages.ts";
import { instanceNames, Instance } from "./instance.ts";
import { makePlace, placed, removePlace } from "./place.ts";
import { forget, note, prepared } from "./prepared.ts";
import { cannotShift, shifts, tryShifting, withoutProbes } from "./shifting.ts";

/** What is still to do until machines can be made, in order. A daemon that answers is used as it is. */
export async function prepareSteps(flavour: Flavour, wanted: string): Promise<Step[]> {
  const daemon = await connect(flavour);
  const image = wanted === "" && !(await imageThere(daemon)) && !buildable(await hostRecipe());
  const absent = await absentOf(flavour, daemon === null, image);
  const steps: Step[] = [];
  if (absent.length > 0) steps.push(installing(flavour, absent));
  if (daemon === null) steps.push(starting(flavour));
  if (daemon === null || !(await hasImage(daemon, await aliasOf(wanted)))) steps.push(filling(flavour, wanted));
  if (daemon === null || (await shifts(daemon)) === null) steps.push(trying(flavour, wanted));
  return steps;
}

async function imageThere(daemon: Daemon | null): Promise<boolean> {
  return daemon !== null && (await hasImage(daemon, await aliasOf("")));
}

/** Where systemd runs, it runs the daemon. */
function starting(flavour: Flavour): Step {
  const { title, service } = flavour;
  if (existsSync("/run/systemd/system")) {
    return {
      what: `Start ${title} (systemctl start ${service})`,
      async run() {
        await note(flavour, { started: "service" });
        await run("systemctl", ["start", service]);
      },
    };
  }
  return {
    what: `Start ${title}, with its data in ${flavour.directory} (systemd does not run here)`,
    async run() {
      await note(flavour, { started: "own" });
      await startOwn(flavour);
    },
  };
}

function filling(flavour: Flavour, wanted: string): Step {
  const image = wanted === "" ? "the image of units, built here once" : `the image ${wanted}`;
  return {
    what: `In ${flavour.title}, make a project and a storage pool "${project}", and import ${image}`,
    async run() {
      const daemon = await connected(flavour);
      if ((await shifts(daemon)) === false) throw cannotShift(flavour);
      await makePlace(daemon);
      await provideImage(flavour, daemon, wanted);
    },
  };
}

function trying(flavour: Flavour, wanted: string): Step {
  return {
    what: `Boot a machine for a moment, to see that ${flavour.title} can map the owners of a shared directory`,
    run: async () => tryShifting(flavour, await connected(flavour), await aliasOf(wanted)),
  };
}

/** What takes back all of the above. @throws UserError while machines are left. */
export async function cleanSteps(flavour: Flavour): Promise<Step[]> {
  const { title } = flavour;
  const { started } = await prepared(flavour);
  // Ours, and died: it must tell what it has before that is removed.
  if (started === "own" && (await connect(flavour)) === null && flavour.programs.some((path) => existsSync(path)))
    await startOwn(flavour);
  const daemon = await connect(flavour);
  const steps: Step[] = [];
  if (daemon !== null && (await placed(daemon))) {
    await refuseMachines(flavour, daemon);
    steps.push({
      what: `In ${title}, remove project and storage pool "${project}" with their images`,
      async run() {
        const { probes } = withoutProbes(await instanceNames(daemon));
        for (const name of probes) await new Instance(daemon, name).remove();
        await removePlace(daemon);
      },
    });
  }
  if (started !== "") steps.push(stopping(flavour, started, daemon));
  steps.push(...(await uninstalling(flavour)));
  if (existsSync(flavour.directory))
    steps.push({
      what: `Remove ${flavour.directory}`,
      async run() {
        await removeOwn(flavour);
        await forget(flavour);
      },
    });
  return steps;
}

async function refuseMachines({ title, client }: Flavour, daemon: Daemon): Promise<void> {
  const { machines } = withoutProbes(await instanceNames(daemon));
  const [name] = machines;
  if (name === undefined) return;
  throw new UserError(
    `${title} still has the machine ${name}`,
    `Remove its model with concourse-machine down, or what is left of it with: ${client} delete --force --project ${project} ${name}`,
  );
}

function stopping(flavour: Flavour, started: "own" | "service", daemon: Daemon | null): Step {
  const { title, service } = flavour;
  if (started === "service")
    return {
      what: `Stop ${title} (systemctl stop ${service})`,
      run: () => run("systemctl", ["stop", service, service.replace(".service", ".socket")]).then(() => undefined),
    };
  return {
    what: `Stop ${title}`,
    async run() {
      if (daemon !== null) await stopOwn((await describe(daemon)).environment.server_pid);
    },
  };
}
