/** Which secret hook is next. Juju 3.6: internal/worker/uniter/secrets/resolver.go. */
import type { HookInfo } from "../../contract.ts";
import type { Core, ModelData, SecretRow, UnitRow } from "../data.ts";
import { asBytes } from "../names.ts";
import { isLeader } from "../rows.ts";
import { rotationPeriod } from "../secrets.ts";

/** A hook that left its cause in place comes again after this time. */
const AGAIN = 5 * 60_000;

/** Expired, rotate, changed, remove: in this order. */
export function nextSecretHook(data: ModelData, unit: UnitRow, now: number): HookInfo | null {
  const all = Object.values(data.secrets).toSorted((a, b) => asBytes(a.id, b.id));
  const owned = all.filter((secret) => managesSecret(data, unit, secret));
  return (
    first(owned, (secret) => expired(secret, now)) ??
    first(owned, (secret) =>
      secret.nextRotate !== null && secret.nextRotate <= now ? hook("rotate", secret) : null,
    ) ??
    first(all, (secret) => changed(unit, secret)) ??
    first(owned, (secret) => obsolete(unit, secret))
  );
}

function first(secrets: readonly SecretRow[], find: (secret: SecretRow) => HookInfo | null): HookInfo | null {
  for (const secret of secrets) {
    const found = find(secret);
    if (found !== null) return found;
  }
  return null;
}

/** The unit that owns it, or the leader of the application that does. */
export function managesSecret(data: ModelData, unit: UnitRow, { owner }: SecretRow): boolean {
  if (owner.kind === "unit") return owner.name === unit.name;
  return owner.name === unit.application && isLeader(data, unit);
}

function hook(kind: string, secret: SecretRow, label = secret.label): HookInfo {
  return { name: `secret-${kind}`, secretId: secret.id, secretLabel: label };
}

function expired(secret: SecretRow, now: number): HookInfo | null {
  for (const [revision, { expire }] of Object.entries(secret.revisions)) {
    if (expire !== null && expire <= now) return { ...hook("expired", secret), secretRevision: Number(revision) };
  }
  return null;
}

function changed(unit: UnitRow, secret: SecretRow): HookInfo | null {
  const consumer = secret.consumers[unit.name];
  if (consumer === undefined || secret.latest < 2) return null;
  return unit.agent.secretsNotified[secret.id] === secret.latest ? null : hook("changed", secret, consumer.label);
}

/** Revisions older than the latest that no consumer tracks. */
function obsolete(unit: UnitRow, secret: SecretRow): HookInfo | null {
  const told = unit.agent.secretsRemoved[secret.id] ?? [];
  const tracked = new Set(Object.values(secret.consumers).map((consumer) => consumer.revision));
  const revisions = Object.keys(secret.revisions).map(Number);
  const revision = revisions.find((number) => number < secret.latest && !tracked.has(number) && !told.includes(number));
  return revision === undefined ? null : { ...hook("remove", secret), secretRevision: revision };
}

/** What is remembered once a secret hook is done; `seen`: the latest revision before it ran. */
export function commitSecretHook(core: Core, unit: UnitRow, hook: HookInfo, seen: number, now: number): void {
  const secret = core.data.secrets[hook.secretId ?? ""];
  if (secret === undefined) return;
  core.changed();
  switch (hook.name) {
    case "secret-changed":
      unit.agent.secretsNotified[secret.id] = seen;
      return;
    case "secret-remove":
      (unit.agent.secretsRemoved[secret.id] ??= []).push(hook.secretRevision ?? 0);
      return;
    case "secret-rotate":
      secret.nextRotate = rotationPeriod(secret.rotate) === null ? null : rotateNext(secret, seen, now);
      return;
    case "secret-expired": {
      const revision = secret.revisions[hook.secretRevision ?? 0];
      if (revision !== undefined && revision.expire !== null) revision.expire = Math.max(revision.expire, now + AGAIN);
    }
  }
}

function rotateNext(secret: SecretRow, seen: number, now: number): number {
  return secret.latest > seen ? now + (rotationPeriod(secret.rotate) ?? 0) : now + AGAIN;
}

/** When rotations and expiries are due of which the unit would be told. */
export function secretDeadlines(data: ModelData, unit: UnitRow): (number | null)[] {
  return Object.values(data.secrets)
    .filter((secret) => managesSecret(data, unit, secret))
    .flatMap((secret) => [secret.nextRotate, ...Object.values(secret.revisions).map((revision) => revision.expire)]);
}
