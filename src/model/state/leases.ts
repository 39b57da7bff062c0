/**
 * Who leads. A lease lasts 60 s and its holder's agent renews it every 30 s. While the agent is connected the renewals
 * need not be played: they are worked out when it goes, so a model at rest stays at rest.
 * Juju 3.6: internal/worker/leadership/tracker.go, core/leadership.
 */
import type { ApplicationRow, Core } from "./data.ts";
import { unitsOf } from "./rows.ts";

const LEASE = 60_000;
const RENEWAL = 30_000;

/** Ends leases that ran out, grants free ones, and lets connected agents notice what they lost. */
export function settleLeadership(core: Core, now: number): void {
  for (const application of Object.values(core.data.applications)) {
    if (hasRunOut(core, application, now)) revoke(core, application);
    if (application.lease === null) grant(core, application, now);
    resign(core, application);
  }
}

function hasRunOut(core: Core, { lease }: ApplicationRow, now: number): boolean {
  if (lease === null) return false;
  return lease.expires === null ? core.data.units[lease.holder] === undefined : now >= lease.expires;
}

/** Connected agents claim all the time; the living come first, and before them who did not just lose it. */
function grant(core: Core, application: ApplicationRow, now: number, loser = ""): void {
  const claimants = unitsOf(core.data, application.name).filter((unit) => unit.agent.connected);
  const living = claimants.filter((unit) => unit.life === "alive");
  const winner = living.find((unit) => unit.name !== loser) ?? living[0] ?? claimants[0];
  if (winner === undefined) return;
  application.lease = { holder: winner.name, since: now, expires: null };
  core.changed();
}

/** Losing leadership runs no hook (Juju 3.6, internal/worker/uniter/operation/leader.go); the flag goes all the same. */
function resign(core: Core, application: ApplicationRow): void {
  for (const unit of unitsOf(core.data, application.name)) {
    if (!unit.agent.leader || !unit.agent.connected || application.lease?.holder === unit.name) continue;
    unit.agent.leader = false;
    core.changed();
  }
}

function revoke(core: Core, application: ApplicationRow): void {
  if (application.lease === null) return;
  application.lease = null;
  core.changed();
}

/** Renewals came late though the holder's agent is there, as on a stalled machine: who waited for the lease has it. */
export function expireLease(core: Core, application: ApplicationRow, now: number): void {
  const loser = application.lease?.holder;
  revoke(core, application);
  grant(core, application, now, loser);
}

export function holderStarted(core: Core, application: ApplicationRow, unit: string, now: number): void {
  if (application.lease?.holder !== unit) return;
  application.lease = { holder: unit, since: now, expires: null };
  core.changed();
}

/** From here on nobody renews: the lease runs out 30 to 60 s from now. */
export function holderStopped(core: Core, application: ApplicationRow, unit: string, now: number): void {
  const { lease } = application;
  if (lease?.holder !== unit || lease.expires !== null) return;
  const renewals = Math.max(0, Math.floor((now - lease.since) / RENEWAL));
  lease.expires = lease.since + renewals * RENEWAL + LEASE;
  core.changed();
}
