/** The same for a local model, where the supervisor attaches a disk to all units of an application, also to later ones. */

import { UserError } from "../../errors.ts";
import type { Disk } from "../../machines/machine.ts";
import type { Enqueued, StatusData, Task } from "../../model/state/types.ts";
import { askModel } from "../session.ts";
import { askAll, askUntilSeen, described, isSeen } from "./ask.ts";
import { CHARM, refuseOtherCharm, type AttachRequest, type Outcome, type World } from "./attach.ts";
import { prepareDirectory } from "./directory.ts";
import { failed, late, type Answer } from "./juju-client.ts";
import { directoriesOf, overviewOf, type Overview, type UnitRow } from "./overview.ts";
import { access, DEVICE, MOUNT_POINT } from "./plan.ts";
import { shortUuid, strangerAmong } from "./sharers.ts";
import { readStores } from "./status.ts";

type LocalWorld = Pick<World, "ports" | "say">;

/** @throws UserError as for Juju's models, or if another directory is attached */
export async function attachLocal(world: LocalWorld, request: AttachRequest): Promise<Outcome[]> {
  const { model, application, directory: source } = request;
  const status = await askModel<StatusData>(model, "status", {});
  const found = applicationIn(status, application);
  refuseOtherCharm(application, found.charmName);
  const readOnly = request.readOnly ?? (await optionOf(model, application, "mode")) === "worker";
  const relatedTo = (name: string): readonly string[] => relatedIn(status, name);
  const { changes, warnings } = await prepareDirectory(world.ports, source, (files) =>
    strangerAmong(files, { modelUuid: status.model.uuid, application, relatedTo }),
  );
  for (const line of [...changes, ...warnings.map((warning) => `WARNING ${warning}`)]) world.say(line);
  const disk: Disk = { name: DEVICE, source, path: MOUNT_POINT, readOnly };
  const before = await diskOf(model, application);
  if (before === undefined) await askModel(model, "attach-disk", { application, disk });
  else refuseOther(application, before, disk);
  const units = Object.keys(found.units);
  const answers = await askUntilSeen(units, (unit) => askUnit(model, unit, request.wait), request.wait * 1000);
  const word = before === undefined ? "attached" : "attached already";
  return [...answers].map(([unit, answer]) => ({
    unit,
    ok: isSeen(answer),
    changed: before === undefined,
    waits: false,
    text: `${word} as "${before?.name ?? DEVICE}", ${access(disk)}; ${described(answer)}`,
  }));
}

/** Applications of our charm that one is related to. */
function relatedIn({ applications }: StatusData, application: string): readonly string[] {
  const { charmName, relations = {} } = applications[application] ?? {};
  return charmName === CHARM ? Object.values(relations).flatMap((ends) => ends.map((end) => end.application)) : [];
}

function refuseOther(application: string, before: Disk, wanted: Disk): void {
  if (before.source === wanted.source && before.readOnly === wanted.readOnly) return;
  throw new UserError(
    `${application} has ${before.source} attached ${access(before)} as "${before.name}"`,
    `To replace it, first: concourse-machine disk detach ${application} ${before.name}`,
  );
}

export async function detachLocal(model: string | undefined, application: string): Promise<Outcome[]> {
  const { units } = applicationIn(await askModel<StatusData>(model, "status", {}), application);
  const disk = await diskOf(model, application);
  if (disk !== undefined && disk.name !== DEVICE)
    throw new UserError(
      `disk "${disk.name}" of ${application} is not ours`,
      `Detach it with: concourse-machine disk detach ${application} ${disk.name}`,
    );
  if (disk !== undefined) await askModel(model, "detach-disk", { application, name: DEVICE });
  const text = disk === undefined ? "nothing attached" : `detached "${DEVICE}"`;
  return Object.keys(units).map((unit) => ({ unit, ok: true, changed: disk !== undefined, waits: false, text }));
}

export async function statusOfLocal(
  world: LocalWorld,
  model: string | undefined,
  names: readonly string[],
  wait: number,
): Promise<Overview> {
  const status = await askModel<StatusData>(model, "status", {});
  for (const name of names) applicationIn(status, name);
  const disks = await askModel<Readonly<Record<string, readonly Disk[]>>>(model, "disks", {});
  const mounting = Object.keys(status.applications).filter((name) => disks[name]?.some(isStore));
  const chosen = names.length > 0 ? names : mounting;
  const units = chosen.flatMap((application) => Object.keys(status.applications[application]?.units ?? {}));
  const answers = await askAll(units, (unit) => askUnit(model, unit, wait));
  const rows = units.map((unit) => rowOf(status, disks, unit, answers.get(unit) ?? { silence: "not asked" }));
  return overviewOf(rows, await readStores(world, directoriesOf(rows)));
}

function rowOf(
  status: StatusData,
  disks: Readonly<Record<string, readonly Disk[]>>,
  unit: string,
  answer: Answer,
): UnitRow {
  const [application = ""] = unit.split("/");
  const document = status.applications[application]?.units[unit];
  const disk = disks[application]?.find(isStore);
  return {
    unit,
    application,
    container: machineOf(status, unit)?.instanceId ?? "",
    state: stateOf(status, unit),
    member: `${shortUuid(status.model.uuid)}-${unit.replace("/", "-")}`,
    attached: disk === undefined ? null : { device: disk.name, source: disk.source, readOnly: disk.readOnly },
    answer,
    message: document?.workload.message ?? "",
  };
}

function machineOf({ applications, machines }: StatusData, unit: string) {
  const [application = ""] = unit.split("/");
  return machines[applications[application]?.units[unit]?.machine ?? ""];
}

function stateOf(status: StatusData, unit: string): string {
  const machine = machineOf(status, unit);
  return machine?.instance.message || (machine?.instance.current ?? "none");
}

const isStore = ({ path }: Disk): boolean => path === MOUNT_POINT;

async function diskOf(model: string | undefined, application: string): Promise<Disk | undefined> {
  const disks = await askModel<Readonly<Record<string, readonly Disk[]>>>(model, "disks", {});
  return disks[application]?.find(isStore);
}

function applicationIn({ model, applications }: StatusData, name: string): StatusData["applications"][string] {
  const found = applications[name];
  if (found !== undefined) return found;
  const there = Object.keys(applications).join(", ") || "none";
  throw new UserError(`application "${name}" not found in model ${model.name}`, `There are: ${there}`);
}

async function optionOf(model: string | undefined, application: string, key: string): Promise<string | null> {
  return askModel<string | null>(model, "get-config-value", { application, key });
}

/**
 * A unit on a machine that is frozen or stopped would be waited for in vain.
 * @param seconds how long it may take
 */
async function askUnit(model: string | undefined, unit: string, seconds: number): Promise<Answer> {
  const state = stateOf(await askModel<StatusData>(model, "status", {}), unit);
  if (["Frozen", "Stopped"].includes(state)) return { silence: `its machine is ${state.toLowerCase()}` };
  const { tasks, errors } = await askModel<Enqueued>(model, "run", {
    receivers: [unit],
    action: "storage-status",
    params: {},
  });
  if (tasks.length === 0) return { silence: errors.join("; ") || "storage-status could not be scheduled" };
  const ids = tasks.map(({ id }) => id);
  const [task] = await askModel<Task[]>(model, "wait", { ids, timeout: seconds * 1000 });
  if (task === undefined || task.completed === null) return late(seconds);
  return task.status === "completed" ? { results: task.results } : failed(task.status, task.message);
}
