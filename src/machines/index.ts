import { UserError } from "../errors.ts";
import type { MachineKind } from "./machine.ts";
import { namespaces } from "./namespaces/kind.ts";

const kinds: readonly MachineKind[] = [namespaces];

/** The kinds that `--machines` accepts. */
export const machineKinds: readonly string[] = kinds.map(({ name }) => name);

/** @throws UserError when there is no such kind. */
export function machineKind(name: string): MachineKind {
  const kind = kinds.find((kind) => kind.name === name);
  if (kind === undefined)
    throw new UserError(`There is no kind of machine called ${name}`, `Use one of: ${machineKinds.join(", ")}`);
  return kind;
}
