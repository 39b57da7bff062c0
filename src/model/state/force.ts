/**
 * Removal by force: what has not ended by itself when the wait is over is ended by the controller, without hooks.
 * Juju 3.6: state/cleanup.go (cleanupForceDestroyedUnit, cleanupForceRemoveUnit, cleanupForceDestroyedRelation).
 */
import type { Core, RelationRow, UnitRow } from "./data.ts";
import { holderStopped } from "./leases.ts";
import { existing } from "./rows.ts";
import { leaveScope, relationsOf } from "./scopes.ts";
import { unitDead } from "./units.ts";

/** Does what has come due. `ended` hears of each unit that goes, before it goes. */
export function settleForced(core: Core, now: number, ended: (unit: string) => void): void {
  for (const relation of Object.values(core.data.relations)) {
    if (relation.forced === undefined || relation.forced.at > now) continue;
    for (const unit of Object.keys(relation.units)) leaveByForce(core, relation, unit);
  }
  for (const unit of Object.values(core.data.units)) {
    if (isOver(core, unit, now)) remove(core, unit, now, ended);
  }
}

/** Dead once its wait is over; gone as soon as its agent sees that, or after the same wait again. */
function isOver(core: Core, unit: UnitRow, now: number): boolean {
  const { forced } = unit;
  if (forced === undefined) return false;
  if (!forced.dead && forced.at <= now) {
    for (const relation of relationsOf(core.data, unit.application)) leaveByForce(core, relation, unit.name);
    unit.storage = [];
    unit.forced = { ...forced, at: now + forced.wait, dead: true };
    core.changed();
  }
  return unit.forced?.dead === true && (unit.agent.connected || unit.forced.at <= now);
}

function leaveByForce(core: Core, relation: RelationRow, unit: string): void {
  const local = core.data.units[unit]?.agent.relations[relation.id];
  if (local !== undefined) local.broken = true;
  leaveScope(core, relation, unit);
}

/** Nobody gives its lease back, as a unit's own agent does: it runs out. */
function remove(core: Core, unit: UnitRow, now: number, ended: (unit: string) => void): void {
  ended(unit.name);
  holderStopped(core, existing(core.data.applications, unit.application), unit.name, now);
  unitDead(core, unit, now);
}
