/** Every planted fault, by the rule it breaks. */
import { CHARM_MUTATIONS } from "./charm.ts";
import { DISK_MUTATIONS } from "./disk.ts";
import { LOCK_MUTATIONS } from "./lock.ts";
import { NONE, type Mutation } from "./mutation.ts";

export const MUTATIONS: readonly Mutation[] = [...DISK_MUTATIONS, ...LOCK_MUTATIONS, ...CHARM_MUTATIONS];

export function mutationNamed(name: string): Mutation {
  return MUTATIONS.find((mutation) => mutation.name === name) ?? NONE;
}
