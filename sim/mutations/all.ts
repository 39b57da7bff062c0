import { NONE, type Mutation } from "./mutation.ts";

export const MUTATIONS: readonly (Mutation & { readonly name: MutationName })[] = [];
export type MutationName = string;

export function mutationNamed(name: string): Mutation {
  return MUTATIONS.find((mutation) => mutation.name === name) ?? NONE;
}
