import type { HookEnvironment } from "../juju/environment.ts";
import type { WorkerBag } from "../relations/tsa.ts";
import { applicationName, memberName, shortModel, type Tsa } from "./facts.ts";

/**
 * Workers of another model, as the side that offers `tsa` meets them. Juju tells which model they are of and their numbers;
 * what their application is called there it keeps to itself: they are units of `remote-<token>` here (Juju 3.6,
 * apiserver/common/crossmodel, PublishRelationChange; apiserver/facades/agent/uniter, prepareRelationResult).
 */

/**
 * A worker's name on the store. One of another model says it itself: it counts as far as Juju bears it out, so that no such
 * unit can speak for one of this model, or for one of a third. Null if it says none that does.
 */
export function memberBehind(
  environment: HookEnvironment,
  { otherModel }: Tsa,
  { unit, word }: WorkerBag & { readonly unit: string },
): string | null {
  if (otherModel === null) return memberName(environment, unit);
  const name = word?.name ?? "";
  const [start, end] = [`${shortModel(otherModel)}-`, `-${unit.split("/")[1]}`];
  const fits = name.startsWith(start) && name.endsWith(end) && name.length > start.length + end.length;
  return fits && isOfOtherModel(environment, name) ? name : null;
}

/** A member of the store that is no unit of this model. */
export const isOfOtherModel = ({ modelUuid }: HookEnvironment, member: string): boolean =>
  !member.startsWith(`${shortModel(modelUuid)}-`);

/** Names on the store of the applications behind a relation `tsa`: of another model's, those that its units say. */
export function applicationsBehind(environment: HookEnvironment, tsa: Tsa): string[] {
  if (tsa.otherModel === null) return [applicationName(environment, tsa.application)];
  const members = tsa.workers.flatMap((worker) => memberBehind(environment, tsa, worker) ?? []);
  return members.map((member) => member.slice(0, member.lastIndexOf("-")));
}
