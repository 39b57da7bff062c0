/** The secrets part of a commit: first everything is looked at, then everything is done. */
import type { SecretRow } from "../data.ts";
import {
  addGrant,
  addRevision,
  contentChecksum,
  newSecret,
  ownerLabelTaken,
  removeSecret,
  rotationPeriod,
  saveConsumer,
} from "../secrets.ts";
import type { HookContext, PendingSecret } from "./context.ts";
import { managesSecret } from "./secret-hooks.ts";

export function checkSecrets(context: HookContext): string | null {
  for (const [id, pending] of context.secrets) {
    const problem = pending.created === null ? checkUpdate(context, id, pending) : checkCreate(context, id, pending);
    if (problem !== null) return problem;
  }
  const touched = [...context.secretRemovals.keys(), ...context.grants.map((grant) => grant.secret)];
  for (const id of touched) {
    const problem = context.secrets.get(id)?.created ? null : checkOwned(context, id);
    if (problem !== null) return problem;
  }
  return null;
}

function checkCreate(context: HookContext, id: string, pending: PendingSecret): string | null {
  const { created, label = "" } = pending;
  if (created === null) return null;
  if (created.owner.kind === "application" && !context.leads) return "permission denied";
  return ownerLabelTaken(context.core.data, created.owner, label, id)
    ? `secret with label "${label}" already exists`
    : null;
}

function checkUpdate(context: HookContext, id: string, pending: PendingSecret): string | null {
  const problem = checkOwned(context, id);
  const secret = context.core.data.secrets[id];
  if (problem !== null || secret === undefined || pending.label === undefined) return problem;
  const taken = ownerLabelTaken(context.core.data, secret.owner, pending.label, id);
  return taken ? `secret with label "${pending.label}" already exists` : null;
}

function checkOwned(context: HookContext, id: string): string | null {
  const secret = context.core.data.secrets[id];
  if (secret === undefined) return `secret "${id}" not found`;
  return managesSecret(context.core.data, context.unit, secret) ? null : "permission denied";
}

export function commitSecrets(context: HookContext, now: number): void {
  const { core } = context;
  const { secrets } = core.data;
  for (const [id, pending] of context.secrets) {
    const secret = pending.created === null ? secrets[id] : (secrets[id] = newSecret(id, pending.created.owner, ""));
    if (secret !== undefined) update(context, secret, pending, now);
  }
  for (const [id, revision] of context.secretRemovals) {
    const secret = secrets[id];
    if (secret !== undefined) removeSecret(core, secret, revision);
  }
  for (const { secret: id, name } of context.revokes) {
    const secret = secrets[id];
    if (secret !== undefined) secret.grants = secret.grants.filter((grant) => grant.name !== name);
  }
  for (const { secret: id, ...grant } of context.grants) {
    const secret = secrets[id];
    if (secret !== undefined) addGrant(core, secret, grant);
  }
}

/** Content equal to the latest revision's makes no new one. */
function update({ core, unit }: HookContext, secret: SecretRow, pending: PendingSecret, now: number): void {
  secret.label = pending.label ?? secret.label;
  secret.description = pending.description ?? secret.description;
  const latest = secret.revisions[secret.latest];
  if (pending.values !== undefined && contentChecksum(pending.values) !== latest?.checksum) {
    addRevision(secret, pending.values, pending.expire ?? null, now);
  } else if (pending.expire !== undefined && latest !== undefined) {
    latest.expire = pending.expire;
  }
  if (pending.rotate !== undefined && pending.rotate !== secret.rotate) {
    const period = rotationPeriod(pending.rotate);
    secret.rotate = pending.rotate;
    secret.nextRotate = period === null ? null : now + period;
  }
  const consumer = secret.consumers[unit.name];
  if (pending.track === true) saveConsumer(core, secret, unit, consumer?.label ?? "", secret.latest);
  core.changed();
}
