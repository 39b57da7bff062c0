/** relation-ids, -list, -get, -set, -model-get. Juju 3.6: uniter/runner/jujuc/relation-*.go, apiserver .../uniter.go. */
import type { ContextRelation, HookContext } from "../agent/context.ts";
import type { Bag } from "../data.ts";
import { applicationOf, asBytes, isApplicationName, isUnitName } from "../names.ts";
import { isPeer, nearEndpoint, relationKey } from "../scopes.ts";
import { UsageError } from "./flags.ts";
import { readKeyValues } from "./key-values.ts";
import { neededRelation, RELATION_FLAG } from "./relation-flag.ts";
import { ALL_FORMATS, type Tool, type ToolCall, ToolError } from "./tool.ts";

/**
 * A relation that is being removed is listed up to the end of its own `-broken` hook: only a suspended one counts as broken
 * (Juju 3.6 and 4.0, internal/worker/uniter/relation/statetracker.go, runner/context/contextfactory.go).
 */
const relationIds: Tool = {
  name: "relation-ids",
  usage: "[<endpoint>]",
  purpose: "List all relation IDs for the given endpoint.",
  formats: ALL_FORMATS,
  run(call) {
    const endpoint = call.args[0] ?? hookEndpoint(call.context);
    if (endpoint === undefined || endpoint === "") throw new UsageError("no endpoint name specified");
    call.atMost(1);
    const ids = [...call.context.relations.values()]
      .filter((relation) => endpointName(call.context, relation) === endpoint)
      .map((relation) => `${endpoint}:${relation.row.id}`);
    return { value: ids.toSorted(asBytes) };
  },
};

function endpointName({ unit }: HookContext, relation: ContextRelation): string {
  return nearEndpoint(relation.row, unit.application).name;
}

function hookEndpoint(context: HookContext): string | undefined {
  const relation = context.relationId === null ? undefined : context.relations.get(context.relationId);
  return relation === undefined ? undefined : endpointName(context, relation);
}

const relationList: Tool = {
  name: "relation-list",
  usage: "",
  purpose: "List relation units.",
  formats: ALL_FORMATS,
  flags: [
    RELATION_FLAG,
    { names: ["app"], kind: "bool", help: "List remote application instead of participating units" },
  ],
  run(call) {
    call.atMost(0);
    const relation = neededRelation(call);
    return { value: call.is("app") ? call.context.remoteApplicationOf(relation) : relation.members };
  },
};

const relationModelGet: Tool = {
  name: "relation-model-get",
  usage: "",
  purpose: "Get details about the model hosting a related application.",
  formats: ALL_FORMATS,
  flags: [RELATION_FLAG],
  run(call) {
    call.atMost(0);
    neededRelation(call);
    return { value: { uuid: call.context.core.data.uuid } };
  },
};

const relationGet: Tool = {
  name: "relation-get",
  usage: "<key> <unit id>",
  purpose: "Get relation settings.",
  formats: ALL_FORMATS,
  flags: [
    RELATION_FLAG,
    { names: ["app"], kind: "bool", help: "Get the relation data for the overall application, not just a unit" },
  ],
  run(call) {
    const relation = neededRelation(call);
    const [key = "", target] = call.args;
    const name = determineTarget(call, target);
    call.atMost(2);
    const bag = isUnitName(name)
      ? readUnit(call.context, relation, name)
      : readApplication(call.context, relation, name);
    return { value: key === "" || key === "-" ? bag : (bag[key] ?? null) };
  },
};

/** A unit's or an application's name. */
function determineTarget(call: ToolCall, given: string | undefined): string {
  if (given !== undefined) return call.is("app") ? givenApplication(given) : givenUnit(given);
  const { remoteUnit, remoteApp } = call.context;
  const name = call.is("app") ? remoteApp || applicationOfHook(remoteUnit) : remoteUnit || remoteApp;
  if (name === "") throw new UsageError("no unit or application specified");
  return name;
}

function applicationOfHook(remoteUnit: string): string {
  return remoteUnit === "" ? "" : applicationOf(remoteUnit);
}

function givenUnit(name: string): string {
  if (isUnitName(name)) return name;
  if (isApplicationName(name)) throw new UsageError(`expected unit name, got application name "${name}"`);
  throw new UsageError(`invalid unit name "${name}"`);
}

function givenApplication(name: string): string {
  if (isUnitName(name)) return applicationOf(name);
  if (isApplicationName(name)) return name;
  throw new ToolError(`"" is not a valid unit or application`);
}

function readUnit(context: HookContext, relation: ContextRelation, name: string): Bag {
  const { row, local, members, read } = relation;
  if (name === context.unit.name) return overlaid(row.units[name]?.values ?? {}, relation.unitDelta);
  // Members are remembered over hooks, everybody else for this one.
  const cache = members.includes(name) ? local.cache : read.others;
  return (cache[name] ??= fetchUnit(relation, name));
}

function fetchUnit({ row }: ContextRelation, name: string): Bag {
  if (!row.endpoints.some((endpoint) => endpoint.application === applicationOf(name)))
    throw new ToolError("permission denied");
  const scope = row.units[name];
  if (scope === undefined) {
    throw new ToolError(
      `cannot read settings for unit "${name}" in relation "${relationKey(row)}": unit "${name}": settings not found`,
    );
  }
  return { ...scope.values };
}

function readApplication(context: HookContext, relation: ContextRelation, name: string): Bag {
  const { row, read } = relation;
  const own = name === context.unit.application;
  if (own && !context.leads && !isPeer(row)) throw new ToolError("permission denied");
  const bag = row.apps[name];
  if (bag === undefined) throw new ToolError("permission denied");
  const values = (read.applications[name] ??= { ...bag.values });
  return own ? overlaid(values, relation.applicationDelta) : values;
}

function overlaid(values: Bag, delta: Bag): Bag {
  return Object.fromEntries(Object.entries({ ...values, ...delta }).filter(([, value]) => value !== ""));
}

const relationSet: Tool = {
  name: "relation-set",
  usage: "<key>=<value> [<key>=<value> ...]",
  purpose: "Set relation settings.",
  deprecatedFormat: true,
  flags: [
    RELATION_FLAG,
    { names: ["file"], kind: "text", help: "file containing key-value pairs" },
    { names: ["app"], kind: "bool", help: 'pick whether you are setting "application" settings or "unit" settings' },
  ],
  run(call) {
    const relation = neededRelation(call);
    const values = readKeyValues(call);
    if (!call.is("app")) {
      Object.assign(relation.unitDelta, values);
      return;
    }
    if (!call.context.leads) throw new ToolError("cannot write relation settings");
    Object.assign(relation.applicationDelta, values);
  },
};

export const RELATION_TOOLS: readonly Tool[] = [relationIds, relationList, relationModelGet, relationGet, relationSet];
