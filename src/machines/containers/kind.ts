import { hostHierarchies } from "../hierarchies.ts";
import type { Machine, MachineKind, MachineSpec, Network } from "../machine.ts";
import { createNetwork, destroyNetwork } from "../network.ts";
import { connect, connected, silent } from "./connect.ts";
import type { Daemon } from "./daemon.ts";
import type { Flavour } from "./flavour.ts";
import { aliasOf } from "./image/images.ts";
import { Instance } from "./instance.ts";
import { ContainerMachine, modelKey } from "./machine.ts";
import { cleanSteps, prepareSteps } from "./prepare.ts";
import { cannotShift, shifts } from "./shifting.ts";

/**
 * Machines that are unprivileged containers of a daemon, Incus or LXD, with a root of their own. The daemon makes them and
 * plugs their disks; their network is the model's, as for machines of any kind.
 */
export function containers(flavour: Flavour): MachineKind {
  return {
    name: flavour.name,
    createNetwork,
    destroyNetwork,

    async present(): Promise<boolean> {
      const daemon = await connect(flavour);
      return daemon !== null && (await shifts(daemon)) !== false;
    },

    async missing(): Promise<string[]> {
      if (process.getuid?.() !== 0) return ["Machines need root: run the command again with sudo"];
      const daemon = await connect(flavour);
      if (daemon === null) return [silent(flavour).message];
      return (await shifts(daemon)) === false ? [cannotShift(flavour).message] : [];
    },

    prepare: (wanted) => prepareSteps(flavour, wanted),
    clean: () => cleanSteps(flavour),

    async image(wanted: string, say: (line: string) => void): Promise<string> {
      await connected(flavour);
      for (const { what, run } of await prepareSteps(flavour, wanted)) {
        say(what);
        await run();
      }
      return aliasOf(wanted);
    },

    async machine(spec: MachineSpec, network: Network): Promise<Machine> {
      return new ContainerMachine(flavour, await connected(flavour), spec, network, await hostHierarchies());
    },

    async sweep(model: string): Promise<void> {
      const daemon = await connect(flavour);
      // One of ours that was taken down took its machines along.
      if (daemon !== null) await sweepInstances(daemon, model);
      await destroyNetwork(model);
    },
  };
}

async function sweepInstances(daemon: Daemon, model: string): Promise<void> {
  type Found = { readonly name: string; readonly config: Readonly<Record<string, string>> };
  const all = (await daemon.find<readonly Found[]>("/1.0/instances?recursion=1")) ?? [];
  const ours = all.filter(({ config }) => config[modelKey] === model);
  await Promise.all(ours.map(({ name }) => new Instance(daemon, name).remove()));
}
