/** `storage status` for models of Juju. */

import type { Seen } from "./plan.ts";
import { attachedTo, unitsOf } from "./plan.ts";
import { askConnected, checkApplication, isOurs, look, shortUuid, type World } from "./attach.ts";
import { askAll } from "./ask.ts";
import { readHostStore } from "./host-store.ts";
import { locate } from "./locate.ts";
import { directoriesOf, overviewOf, type Overview, type UnitRow } from "./overview.ts";
import type { Answer, Model } from "./juju-client.ts";

/**
 * @param applications which ones; all of our charm if empty
 * @param wait seconds that a unit may take to answer
 */
export async function statusOf(
  world: World,
  model: Model,
  applications: readonly string[],
  wait: number,
): Promise<Overview> {
  const seen = await look(world, model);
  for (const application of applications) checkApplication(seen.status, application);
  const all = Object.keys(seen.status.applications).filter((name) => isOurs(seen.status, name));
  const names = (applications.length > 0 ? applications : all).flatMap((application) => unitsOf(seen, application));
  const answers = await askAll(names, (unit) => askRunning(world, seen, unit, wait));
  const units = names.map((unit) => rowOf(seen, unit, answers.get(unit) ?? { silence: "not asked" }));
  return overviewOf(units, await readStores(world, directoriesOf(units)));
}

export async function readStores(world: Pick<World, "ports">, directories: readonly string[]) {
  const stores = await Promise.all(directories.map((directory) => readHostStore(world.ports, directory)));
  return stores.filter((store) => store !== null);
}

/** A frozen unit is connected as far as Juju knows, and would be waited for in vain. */
async function askRunning(world: World, seen: Seen, unit: string, wait: number): Promise<Answer> {
  const { state } = rowOf(seen, unit, { silence: "" });
  return state === "Frozen" || state === "Stopped"
    ? { silence: `its container is ${state.toLowerCase()}` }
    : askConnected(world.juju, seen, unit, wait);
}

function rowOf(seen: Seen, unit: string, answer: Answer): UnitRow {
  const [application = ""] = unit.split("/");
  const document = seen.status.applications[application]?.units?.[unit] ?? {};
  const place = locate(document, seen.status, seen.model, seen.instances, () => "storage status");
  const known = "instance" in place ? place.instance : null;
  return {
    unit,
    application,
    container: known?.name ?? "",
    state: "instance" in place ? place.instance.status : place.reason,
    member: `${shortUuid(seen.model.uuid)}-${unit.replace("/", "-")}`,
    attached: known === null ? null : attachedTo(known),
    answer,
    message: document["workload-status"]?.message ?? "",
  };
}
