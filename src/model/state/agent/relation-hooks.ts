/**
 * Which relation hook is next. Juju 3.6: internal/worker/uniter/relation/{resolver,statetracker}.go.
 */
import type { HookInfo } from "../../contract.ts";
import type { Core, ModelData, RelationRow, UnitRow } from "../data.ts";
import type { LocalRelation } from "../agent-data.ts";
import { asBytes } from "../names.ts";
import { existing } from "../rows.ts";
import {
  enterScope,
  isPeer,
  leaveScope,
  nearEndpoint,
  relationsOf,
  remoteApplication,
  visibleRemoteUnits,
  watchedApplications,
} from "../scopes.ts";
import { applicationOf } from "../names.ts";

/** A living, installed unit enters every living relation that its unpacked charm knows of, in one pass. */
export function synchronizeScopes(core: Core, unit: UnitRow): void {
  const endpoints = core.data.charms[unit.agent.charm?.url ?? ""]?.info.endpoints ?? {};
  for (const relation of relationsOf(core.data, unit.application)) {
    if (relation.life === "dying" || relation.units[unit.name] !== undefined) continue;
    if (nearEndpoint(relation, unit.application).name in endpoints) enterScope(core, relation, unit);
  }
}

/** Relations the agent knows, by id. */
export function knownRelations(data: ModelData, unit: UnitRow): { relation: RelationRow; local: LocalRelation }[] {
  return Object.entries(unit.agent.relations)
    .filter(([, local]) => !local.broken)
    .map(([id, local]) => ({ relation: existing(data.relations, id), local }))
    .toSorted((a, b) => a.relation.id - b.relation.id);
}

export function nextCreated(data: ModelData, unit: UnitRow): HookInfo | null {
  const next = knownRelations(data, unit).find(({ relation, local }) => relation.life === "alive" && !local.created);
  if (next === undefined) return null;
  return hook(next.relation, unit, "created", { remoteApp: remoteApplication(next.relation, unit.application) });
}

/** Non-peers first; among several the oldest (Juju: random). */
export function nextRelationHook(data: ModelData, unit: UnitRow): HookInfo | null {
  const known = knownRelations(data, unit);
  const ordered = [
    ...known.filter(({ relation }) => !isPeer(relation)),
    ...known.filter(({ relation }) => isPeer(relation)),
  ];
  for (const { relation, local } of ordered) {
    const next = nextIn(data, unit, relation, local);
    if (next !== null) return next;
  }
  return null;
}

function nextIn(data: ModelData, unit: UnitRow, relation: RelationRow, local: LocalRelation): HookInfo | null {
  const pending = local.changedPending;
  if (pending !== null) return unitHook(relation, unit, "changed", pending);

  const breaking = unit.life === "dying" || relation.life === "dying";
  const remote = breaking ? [] : visibleRemoteUnits(relation, unit);
  const gone = Object.keys(local.members)
    .filter((name) => !remote.includes(name))
    .toSorted(asBytes)[0];
  if (gone !== undefined) return departed(data, unit, relation, gone);
  if (breaking) return runsBroken(data, relation, local) ? broken(data, unit, relation, local) : null;

  for (const app of watchedApplications(relation, unit)) {
    const version = existing(relation.apps, app).version;
    if ((local.apps[app] ?? 0) !== version) return hook(relation, unit, "changed", { remoteApp: app });
  }
  const joining = remote.find((name) => local.members[name] === undefined);
  if (joining !== undefined) return unitHook(relation, unit, "joined", joining);
  const changed = remote.find((name) => local.members[name] !== relation.units[name]?.version);
  return changed === undefined ? null : unitHook(relation, unit, "changed", changed);
}

function runsBroken(data: ModelData, relation: RelationRow, local: LocalRelation): boolean {
  return !isPeer(relation) || (data.inferred.peerBrokenAfterRestart && local.beforeRestart);
}

function broken(data: ModelData, unit: UnitRow, relation: RelationRow, local: LocalRelation): HookInfo {
  const forgotten = data.inferred.peerBrokenAfterRestart && local.beforeRestart;
  return hook(relation, unit, "broken", { remoteApp: forgotten ? "" : remoteApplication(relation, unit.application) });
}

function departed(data: ModelData, unit: UnitRow, relation: RelationRow, remoteUnit: string): HookInfo {
  const own = unit.life === "dying" || existing(data.applications, unit.application).life === "dying";
  return { ...unitHook(relation, unit, "departed", remoteUnit), departingUnit: own ? unit.name : remoteUnit };
}

function unitHook(relation: RelationRow, unit: UnitRow, kind: string, remoteUnit: string): HookInfo {
  return hook(relation, unit, kind, { remoteUnit, remoteApp: applicationOf(remoteUnit) });
}

function hook(relation: RelationRow, unit: UnitRow, kind: string, remote: Partial<HookInfo>): HookInfo {
  const { name } = nearEndpoint(relation, unit.application);
  return { name: `${name}-relation-${kind}`, relationId: relation.id, ...remote };
}

/** The versions of the bags a hook is about, as its agent saw them before it ran. */
export interface SeenVersions {
  readonly unit: number;
  readonly app: number;
}

export function versionsFor(data: ModelData, hook: HookInfo): SeenVersions {
  const relation = data.relations[hook.relationId ?? -1];
  return {
    unit: relation?.units[hook.remoteUnit ?? ""]?.version ?? 0,
    app: relation?.apps[hook.remoteApp ?? ""]?.version ?? 0,
  };
}

/** What the agent remembers once a relation hook is done. */
export function commitRelationHook(core: Core, unit: UnitRow, hook: HookInfo, seen: SeenVersions): void {
  const local = unit.agent.relations[hook.relationId ?? -1];
  if (local === undefined) return;
  const remoteUnit = hook.remoteUnit ?? "";
  switch (hook.name.slice(hook.name.lastIndexOf("-relation-") + "-relation-".length)) {
    case "created":
      local.created = true;
      break;
    case "joined":
      local.members[remoteUnit] = seen.unit;
      local.changedPending = remoteUnit;
      break;
    case "changed":
      commitChanged(local, hook, seen);
      break;
    case "departed":
      delete local.members[remoteUnit];
      delete local.cache[remoteUnit];
      break;
    case "broken":
      local.broken = true;
      leaveScope(core, existing(core.data.relations, hook.relationId ?? -1), unit.name);
      break;
  }
  core.changed();
}

function commitChanged(local: LocalRelation, hook: HookInfo, seen: SeenVersions): void {
  if (hook.remoteUnit === undefined) {
    local.apps[hook.remoteApp ?? ""] = seen.app;
    return;
  }
  local.members[hook.remoteUnit] = seen.unit;
  local.changedPending = null;
}
