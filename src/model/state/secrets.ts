/**
 * Secrets as the controller keeps them: who may do what, revisions, consumers.
 * Juju 3.6: state/secrets.go, apiserver/facades/agent/secretsmanager, core/secrets.
 */
import { createHash } from "node:crypto";
import type { Bag, Core, ModelData, SecretGrant, SecretRow, UnitRow } from "./data.ts";
import { sortedRecord } from "./names.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const PERIODS: Readonly<Record<string, number>> = {
  hourly: HOUR,
  daily: DAY,
  weekly: 7 * DAY,
  monthly: 30 * DAY,
  quarterly: 91 * DAY,
  yearly: 365 * DAY,
};

export function isRotatePolicy(policy: string): boolean {
  return policy === "never" || policy in PERIODS;
}

/** Milliseconds; null for `never` and none. */
export function rotationPeriod(policy: string): number | null {
  return PERIODS[policy] ?? null;
}

const XID_DIGITS = "0123456789abcdefghijklmnopqrstuv";

/** Twelve bytes as twenty digits of base 32 (github.com/rs/xid). */
export function secretId(bytes: Uint8Array): string {
  let bits = BigInt(`0x${Buffer.from(bytes.subarray(0, 12)).toString("hex")}`) << 4n;
  let text = "";
  for (let i = 0; i < 20; i++) {
    text = XID_DIGITS.charAt(Number(bits & 31n)) + text;
    bits >>= 5n;
  }
  return text;
}

const URI = /^(?:secret:(?:\/\/)?(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\/)?)?([0-9a-v]{20})$/;

/** The bare id in a bare id, `secret:<id>` or `secret://<model>/<id>`; undefined if it is none of these. */
export function parseSecretUri(text: string): string | undefined {
  return URI.exec(text)?.[1];
}

export function contentChecksum(values: Bag): string {
  return createHash("sha256")
    .update(JSON.stringify(sortedRecord(values)))
    .digest("hex");
}

/** Units of the owner read without a grant; everybody else through a relation that is still there. */
export function mayRead(data: ModelData, unit: UnitRow, secret: SecretRow): boolean {
  const { owner } = secret;
  if (owner.kind === "unit" ? owner.name === unit.name : owner.name === unit.application) return true;
  return secret.grants.some(
    (grant) =>
      data.relations[grant.relation] !== undefined && (grant.name === unit.name || grant.name === unit.application),
  );
}

export function newSecret(id: string, owner: SecretRow["owner"], label: string): SecretRow {
  return {
    id,
    owner,
    label,
    description: "",
    rotate: "never",
    nextRotate: null,
    latest: 0,
    revisions: {},
    grants: [],
    consumers: {},
  };
}

export function addRevision(secret: SecretRow, values: Bag, expire: number | null, now: number): void {
  secret.latest += 1;
  secret.revisions[secret.latest] = { values, checksum: contentChecksum(values), created: now, expire };
}

export function ownerLabelTaken(data: ModelData, owner: SecretRow["owner"], label: string, except: string): boolean {
  if (label === "") return false;
  return Object.values(data.secrets).some(
    (secret) => secret.id !== except && secret.label === label && secret.owner.name === owner.name,
  );
}

export function addGrant(core: Core, secret: SecretRow, grant: SecretGrant): void {
  const have = secret.grants.some((old) => old.name === grant.name && old.relation === grant.relation);
  if (have) return;
  secret.grants.push(grant);
  core.changed();
}

/** Stored at once, whatever becomes of the hook. */
export function saveConsumer(core: Core, secret: SecretRow, unit: UnitRow, label: string, revision: number): void {
  const old = secret.consumers[unit.name];
  if (old?.label === label && old.revision === revision) return;
  secret.consumers[unit.name] = { label, revision };
  if (old === undefined && !core.data.inferred.secretChangedOnFirstRead) {
    unit.agent.secretsNotified[secret.id] = secret.latest;
  }
  core.changed();
}

/** All of it, or one revision; the last one takes the secret with it. */
export function removeSecret(core: Core, secret: SecretRow, revision: number | null): void {
  if (revision !== null) delete secret.revisions[revision];
  if (revision === null || Object.keys(secret.revisions).length === 0) {
    delete core.data.secrets[secret.id];
    for (const unit of Object.values(core.data.units)) {
      delete unit.agent.secretsNotified[secret.id];
      delete unit.agent.secretsRemoved[secret.id];
    }
  }
  core.changed();
}
