/** From what there is to what is to be done, one decision a unit. Nothing here runs a command. */

import { normalize } from "node:path/posix";
import type { JujuStatus } from "./documents.ts";
import { addWords, removeWords, type Disk, type Instance } from "./daemons.ts";
import type { Model } from "./juju-client.ts";
import { locate, type Nowhere } from "./locate.ts";

/** Where units expect the shared directory. */
export const MOUNT_POINT = "/var/lib/concourse";
/** Name of the devices that we add, and the only ones we remove. */
export const DEVICE = "concourse-shared";

/** A device at the mount point. */
export interface Attached {
  readonly device: string;
  readonly source: string;
  readonly readOnly: boolean;
  /** It is a device of the instance itself and has our name. */
  readonly ours: boolean;
}

export type Decision = { readonly unit: string } & (
  | { readonly act: "attach" | "detach"; readonly instance: Instance; readonly disk: Disk }
  /** It is as it should be. */
  | { readonly act: "keep"; readonly instance: Instance; readonly attached: Attached | null }
  | ({ readonly act: "refuse" } & Nowhere)
);

export interface Wanted {
  readonly application: string;
  readonly source: string;
  readonly readOnly: boolean;
}

/** All that is looked at. */
export interface Seen {
  readonly status: JujuStatus;
  readonly model: Model;
  readonly instances: readonly Instance[];
}

export function unitsOf({ status }: Pick<Seen, "status">, application: string): string[] {
  const number = (unit: string): number => Number(unit.split("/")[1]);
  return Object.keys(status.applications[application]?.units ?? {}).toSorted((a, b) => number(a) - number(b));
}

/** What is mounted at the mount point, by the instance's own devices or by its profiles'. */
export function attachedTo({ devices, expandedDevices }: Instance): Attached | null {
  const [found] = Object.entries(expandedDevices).filter(
    ([, device]) => device["type"] === "disk" && trimmed(device["path"]) === MOUNT_POINT,
  );
  if (found === undefined) return null;
  const [name, device] = found;
  const { pool, source = "", readonly = "false" } = device;
  return {
    device: name,
    source: pool === undefined ? trimmed(source) : `volume ${source} of pool ${pool}`,
    readOnly: readonly === "true" || readonly === "1",
    ours: name === DEVICE && devices[name] !== undefined,
  };
}

/** Juju's clients and people write directories with and without a slash at the end. */
function trimmed(path = ""): string {
  return path === "/" || path === "" ? path : normalize(path).replace(/\/+$/, "");
}

/** Adds the directory where none is, and never touches what is attached. */
export function planAttach(seen: Seen, wanted: Wanted): Decision[] {
  const disk: Disk = { device: DEVICE, source: trimmed(wanted.source), path: MOUNT_POINT, readOnly: wanted.readOnly };
  const inside = insideWith(seen.model, (instance) => addWords(instance, disk));
  return each(seen, wanted.application, inside, (unit, instance) => {
    const attached = attachedTo(instance);
    if (attached !== null) {
      const reason = whyOther(attached, disk, instance, wanted.application);
      return reason === null ? { unit, act: "keep", instance, attached } : refuse(unit, reason);
    }
    if (instance.expandedDevices[DEVICE] !== undefined)
      return refuse(unit, `${instance.name} has another device "${DEVICE}": rename it, or remove it`);
    if (instance.status !== "Running") return refuse(unit, notRunning(instance));
    return { unit, act: "attach", instance, disk };
  });
}

/** Removes devices of ours, and nobody else's. */
export function planDetach(seen: Seen, application: string): Decision[] {
  const inside = insideWith(seen.model, (instance) => removeWords(instance, DEVICE));
  return each(seen, application, inside, (unit, instance) => {
    const attached = attachedTo(instance);
    if (attached === null) return { unit, act: "keep", instance, attached };
    const { device, source, readOnly } = attached;
    if (!attached.ours) return refuse(unit, `its device "${device}" is not ours: ${removal(instance, attached)}`);
    if (instance.status === "Frozen") return refuse(unit, notRunning(instance));
    return { unit, act: "detach", instance, disk: { device, source, readOnly, path: MOUNT_POINT } };
  });
}

function each(
  seen: Seen,
  application: string,
  inside: (machine: string, container: string) => string,
  decide: (unit: string, instance: Instance) => Decision,
): Decision[] {
  const taken = new Map<Instance, string>();
  return unitsOf(seen, application).map((unit) => {
    const document = seen.status.applications[application]?.units?.[unit] ?? {};
    const place = locate(document, seen.status, seen.model, seen.instances, inside);
    if ("reason" in place) return { unit, act: "refuse", ...place };
    const other = taken.get(place.instance);
    if (other !== undefined) return refuse(unit, `it is on the machine of ${other}: one unit of this charm a machine`);
    taken.set(place.instance, unit);
    return decide(unit, place.instance);
  });
}

function refuse(unit: string, reason: string): Decision {
  return { unit, act: "refuse", reason, waits: false };
}

/** Why what is attached is not what is wanted, with the way out; null if it is. */
function whyOther(attached: Attached, disk: Disk, instance: Instance, application: string): string | null {
  const way = attached.ours ? `concourse-machine storage detach ${application}` : removal(instance, attached);
  if (attached.source !== disk.source)
    return `another directory is attached as "${attached.device}" (${attached.source}): to replace it, first: ${way}`;
  if (attached.readOnly !== disk.readOnly)
    return `it is attached ${access(attached)} as "${attached.device}": to make it ${access(disk)}, first: ${way}`;
  return null;
}

function removal(instance: Instance, { device }: Attached): string {
  if (instance.devices[device] === undefined) return `take it out of the profiles: ${instance.profiles.join(", ")}`;
  return shown(removeWords(instance, device));
}

function notRunning({ client, project, name, status }: Instance): string {
  const act = status === "Frozen" && client === "incus" ? "resume" : "start";
  return `${name} is ${status.toLowerCase()}: ${client} ${act} local:${name} --project ${project}; then run this again`;
}

export function access({ readOnly }: { readonly readOnly: boolean }): string {
  return readOnly ? "read-only" : "read-write";
}

/** A command line as a person can paste it. */
export function shown(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}

/** Inside machines Juju only uses LXD, and its default project (container/lxd/manager.go). */
function insideWith(model: Model, words: (instance: Pick<Instance, "client" | "project" | "name">) => string[]) {
  return (machine: string, container: string): string =>
    `juju ssh -m ${model.name} ${machine} -- sudo ${shown(words({ client: "lxc", project: "default", name: container }))}`;
}
