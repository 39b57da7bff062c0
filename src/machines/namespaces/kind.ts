import { UserError } from "../../errors.ts";
import { hostHierarchies } from "../hierarchies.ts";
import type { Machine, MachineKind, MachineSpec, Network, Step } from "../machine.ts";
import { createNetwork, destroyNetwork } from "../network.ts";
import { Cgroups } from "./cgroups.ts";
import { missing, prepare } from "./host.ts";
import { NamespaceMachine } from "./machine.ts";

/**
 * Machines made of namespaces, over an overlay of the host's own root, with its systemd as init. No daemon and no image:
 * a machine boots in well under a second. No security boundary either: they are for what one would run on the host.
 */
export const namespaces: MachineKind = {
  name: "namespaces",
  missing,
  createNetwork,
  destroyNetwork,

  async present(): Promise<boolean> {
    return true;
  },

  /** They have nothing on the host but what belongs to a model. */
  async clean(): Promise<Step[]> {
    return [];
  },

  async prepare(wanted: string): Promise<Step[]> {
    refuseImage(wanted);
    return prepare();
  },

  async image(wanted: string): Promise<string> {
    refuseImage(wanted);
    return "";
  },

  async machine(spec: MachineSpec, network: Network): Promise<Machine> {
    return new NamespaceMachine(spec, network, new Cgroups(await hostHierarchies(), spec.model, spec.id));
  },

  async sweep(model: string): Promise<void> {
    const all = await hostHierarchies();
    const whole = new Cgroups(all, model);
    await Promise.all((await whole.machines()).map((id) => new Cgroups(all, model, id).end()));
    await whole.end();
    await destroyNetwork(model);
  },
};

function refuseImage(wanted: string): void {
  if (wanted === "") return;
  throw new UserError("Machines of namespaces have no image: they show the host's own root", "Leave --image out");
}
