/** From a unit to its container: right, or none with the reason. */

import type { JujuStatus, JujuUnit } from "./documents.ts";
import type { Instance } from "./daemons.ts";
import type { Model } from "./juju-client.ts";

export interface Nowhere {
  readonly reason: string;
  /** It is on its way: another look will find it. */
  readonly waits: boolean;
}

export type Place = { readonly instance: Instance } | Nowhere;

/** The command for a person who wants the same done inside a machine, for a container of that machine. */
export type Inside = (machine: string, container: string) => string;

const nowhere = (reason: string): Nowhere => ({ reason, waits: false });
const later = (reason: string): Nowhere => ({ reason, waits: true });

/**
 * The model whose machine an instance is: `juju-model-uuid` on machines (internal/provider/lxd/environ_broker.go,
 * getContainerSpec), `juju-model` on containers that Juju makes inside machines (container/lxd/manager.go).
 */
function modelOf({ config }: Instance): string | undefined {
  return config["user.juju-model-uuid"] ?? config["user.juju-model"];
}

/**
 * Finds the container that a unit lives in: by its machine's instance id, in the model's own project, and only if it
 * carries the model's UUID. Two models have machines of one number, and copies keep their name.
 */
export function locate(
  unit: JujuUnit,
  status: JujuStatus,
  model: Model,
  instances: readonly Instance[],
  inside: Inside,
): Place {
  const { machine } = unit;
  if (machine === undefined || machine === "") return later("it has no machine yet");
  if (machine.includes("/")) return nested(machine, status, inside);
  const { "instance-id": id = "pending", "machine-status": state } = status.machines[machine] ?? {};
  if (id === "pending" || id === "") return later(`machine ${machine} has no instance yet${note(state?.message)}`);
  if (id.startsWith("manual:")) return nowhere(`machine ${machine} was added by hand (${id}): it is no container`);
  if (model.cloud !== "lxd") return nowhere(`machine ${machine} (${id}) is no container: its cloud is ${model.cloud}`);
  return instanceOf(id, model, instances);
}

function note(message: string | undefined): string {
  return message === undefined || message === "" ? "" : ` (${message})`;
}

function instanceOf(id: string, model: Model, instances: readonly Instance[]): Place {
  const named = instances.filter(({ name }) => name === id);
  const ours = named.filter((instance) => instance.project === model.project && modelOf(instance) === model.uuid);
  const [instance, ...others] = ours;
  if (instance === undefined) return nowhere(whyNone(id, model, named));
  if (others.length > 0) return nowhere(`both LXD and Incus have a ${id}: name one with --client`);
  if (instance.type !== "container")
    return nowhere(`${id} is a virtual machine: locks on its share of a directory need not exclude other machines`);
  if (instance.elsewhere !== null)
    return nowhere(`${id} is on cluster member ${instance.elsewhere}, which has not this host's directories`);
  return { instance };
}

function whyNone(id: string, model: Model, named: readonly Instance[]): string {
  const [other] = named.filter(({ project }) => project === model.project);
  if (other !== undefined) {
    const uuid = modelOf(other);
    return uuid === undefined ? `${id} here was not made by Juju` : `${id} here belongs to another model (${uuid})`;
  }
  const projects = named.map(({ project }) => `"${project}"`).join(", ");
  if (projects !== "") return `${id} here is in project ${projects}, and the model's are in "${model.project}"`;
  return `no container ${id} on this host: run this on the host of the containers`;
}

/** A container inside a machine sees that machine's directories, not ours. */
function nested(machine: string, { machines }: JujuStatus, inside: Inside): Nowhere {
  const steps = machine.split("/");
  const host = steps.slice(0, -2).join("/");
  if (steps.at(-2) !== "lxd") return nowhere(`machine ${machine} is a virtual machine inside machine ${host}`);
  const id = instanceIdBelow(machines, machine);
  if (id === "pending") return later(`machine ${machine} has no instance yet`);
  return nowhere(`machine ${machine} runs inside machine ${host}. With the directory there: ${inside(host, id)}`);
}

function instanceIdBelow(machines: JujuStatus["machines"], machine: string): string {
  const steps = machine.split("/");
  let found = machines[steps[0] ?? ""];
  for (let length = 3; length <= steps.length; length += 2)
    found = found?.containers?.[steps.slice(0, length).join("/")];
  return found?.["instance-id"] ?? "pending";
}
