import { UserError } from "../errors.ts";
import { incus, lxd } from "./containers/flavour.ts";
import { containers } from "./containers/kind.ts";
import type { MachineKind } from "./machine.ts";
import { namespaces } from "./namespaces/kind.ts";

/** In the order in which they are taken where none is named. */
const kinds: readonly MachineKind[] = [containers(incus), containers(lxd), namespaces];

/** The kinds that `--machines` accepts. */
export const machineKinds: readonly string[] = kinds.map(({ name }) => name);

/** @throws UserError when there is no such kind. */
export function machineKind(name: string): MachineKind {
  const kind = kinds.find((kind) => kind.name === name);
  if (kind === undefined)
    throw new UserError(`There is no kind of machine called ${name}`, `Use one of: ${machineKinds.join(", ")}`);
  return kind;
}

/** The kind to take where none is named: containers where their daemon answers, else namespaces. */
export async function presentKind(): Promise<MachineKind> {
  for (const kind of kinds) if (await kind.present()) return kind;
  return namespaces;
}
