/**
 * What a hook held back, in one go or not at all. Juju 3.6: internal/worker/uniter/runner/context/context.go doFlush,
 * apiserver/facades/agent/uniter/uniter.go commitHookChangesForOneUnit.
 */
import { existing, charmOf } from "../rows.ts";
import { applicationBag, refreshAddresses, writeBag } from "../scopes.ts";
import { newStorage } from "../units.ts";
import { checkSecrets, commitSecrets } from "./commit-secrets.ts";
import type { HookContext } from "./context.ts";
import { samePort } from "./ports.ts";

/** Juju's default `max-charm-state-size`, bytes. */
const MAX_STATE = 2 * 1024 * 1024;

/** Null when done; else why not, in Juju's words, and nothing has changed (but see `Inferred.secretsApart`). */
export function commit(context: HookContext, now: number): string | null {
  const problem = checkLeadership(context) ?? checkPorts(context) ?? checkState(context) ?? checkStorage(context);
  const secretsProblem = checkSecrets(context);
  const { secretsApart } = context.core.data.inferred;
  if (secretsProblem === null && (problem === null || secretsApart)) commitSecrets(context, now);
  const refused = problem ?? secretsProblem;
  if (refused !== null) return refused;
  commitRelations(context);
  commitPorts(context);
  commitStorage(context);
  if (context.state !== null) context.unit.state = context.state;
  if (context.hook?.name === "config-changed") refreshAddresses(context.core, context.unit);
  return null;
}

function checkLeadership(context: HookContext): string | null {
  const { unit, application, leads, relations } = context;
  const writes = [...relations.values()].some((relation) => Object.keys(relation.applicationDelta).length > 0);
  if (!writes || leads) return null;
  return `prerequisites failed: "${unit.name}" is not leader of "${application.name}"`;
}

function commitRelations(context: HookContext): void {
  const { core, unit } = context;
  for (const { row, unitDelta, applicationDelta } of context.relations.values()) {
    writeBag(core, existing(row.units, unit.name), unitDelta);
    if (Object.keys(applicationDelta).length > 0) {
      writeBag(core, applicationBag(row, unit.application), applicationDelta);
    }
  }
}

function checkPorts(context: HookContext): string | null {
  const { endpoints, extraBindings } = charmOf(context.core.data, context.application).info;
  for (const { endpoint, open } of context.ports) {
    if (endpoint === "" || endpoint in endpoints || extraBindings.includes(endpoint)) continue;
    return `${open ? "open" : "close"} port range: endpoint "${endpoint}" for unit "${context.unit.name}" not found`;
  }
  return null;
}

function commitPorts({ unit, ports }: HookContext): void {
  for (const { open, ...port } of ports) {
    unit.ports = unit.ports.filter((other) => !samePort(other, port));
    if (open) unit.ports.push(port);
  }
}

function checkState({ state }: HookContext): string | null {
  if (state === null) return null;
  const size = Object.entries(state).reduce((sum, [key, value]) => sum + Buffer.byteLength(key + value), 0);
  return size > MAX_STATE ? `max allowed size (${MAX_STATE}) exceeded` : null;
}

function checkStorage(context: HookContext): string | null {
  const { info } = charmOf(context.core.data, context.application);
  for (const { name, count } of context.storageAdds) {
    const declared = info.storage[name];
    if (declared === undefined) return `charm storage "${name}" not found`;
    const wanted = context.unit.storage.filter((storage) => storage.name === name).length + count;
    if (declared.maximum >= 0 && wanted > declared.maximum) {
      return `charm "${info.name}" store "${name}": at most ${declared.maximum} instances supported, ${wanted} specified`;
    }
  }
  return null;
}

function commitStorage(context: HookContext): void {
  const { storage } = charmOf(context.core.data, context.application).info;
  for (const { name, count } of context.storageAdds) {
    const declared = storage[name];
    for (let i = 0; i < count && declared !== undefined; i++) {
      context.unit.storage.push(newStorage(context.core, name, declared));
    }
  }
}
