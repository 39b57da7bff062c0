/** `storage status` for models of Juju. */

import { attachedTo, unitsOf, type Seen } from "./plan.ts";
import type { JujuUnit } from "./documents.ts";
import { askConnected, checkApplication, isOurs, look, type World } from "./attach.ts";
import { shortUuid } from "./sharers.ts";
import { askAll } from "./ask.ts";
import { readHostStore } from "./host-store.ts";
import { locate, type Place } from "./locate.ts";
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

/**
 * A frozen unit is connected as far as Juju knows, and would be waited for in vain. One whose container is not seen from
 * here may mount the same store by other ways.
 */
async function askRunning(world: World, seen: Seen, unit: string, wait: number): Promise<Answer> {
  const place = placeOf(seen, unit);
  if ("reason" in place && place.waits) return { silence: place.reason };
  const status = "instance" in place ? place.instance.status : "Running";
  if (status !== "Running") return { silence: `its container is ${status.toLowerCase()}` };
  return askConnected(world.juju, seen, unit, wait);
}

function documentOf(seen: Seen, unit: string): JujuUnit {
  return seen.status.applications[unit.split("/")[0] ?? ""]?.units?.[unit] ?? {};
}

function placeOf(seen: Seen, unit: string): Place {
  const inside = (machine: string): string => `juju ssh -m ${seen.model.name} ${machine} -- sudo lxc list`;
  return locate(documentOf(seen, unit), seen.status, seen.model, seen.instances, inside);
}

function rowOf(seen: Seen, unit: string, answer: Answer): UnitRow {
  const [application = ""] = unit.split("/");
  const place = placeOf(seen, unit);
  const instance = "instance" in place ? place.instance : null;
  return {
    unit,
    application,
    container: instance?.name ?? "",
    state: instance?.status ?? "none",
    member: `${shortUuid(seen.model.uuid)}-${unit.replace("/", "-")}`,
    attached: instance === null ? null : attachedTo(instance),
    answer,
    message: documentOf(seen, unit)["workload-status"]?.message ?? "",
  };
}
