import { clusterOf, roleOf, type Facts } from "./facts.ts";
import { webWanted } from "./plan-web.ts";
import { workerWanted } from "./plan-worker.ts";
import { hasOtherSettings, type ServiceWanted } from "./service.ts";
import type { Cluster } from "../relations/peers.ts";

/**
 * This unit's service does its work, with other settings than it should have: it restarts when its turn comes
 * (docs/decisions/0025).
 */
export function waitsForTurn(facts: Facts): boolean {
  if (facts.mistakes.length > 0 || facts.local.current === null) return false;
  const wanted = wantedService(facts, facts.local.current);
  return wanted !== null && hasOtherSettings(facts, wanted);
}

function wantedService(facts: Facts, current: string): ServiceWanted | null {
  const role = roleOf(facts);
  if (role === "web") return webWanted(facts, current);
  return role === "worker" ? workerWanted(facts, current) : null;
}

/**
 * It has its turn, by what is committed with this hook. No event tells a leader of its own words, nor a unit that a turn
 * it still has counts anew.
 *
 * @param next what this unit decides as the leader; null where another one leads
 */
export const goesOnAtOnce = (facts: Facts, next: Cluster | null): boolean =>
  (next ?? clusterOf(facts))?.turn === facts.environment.unit && waitsForTurn(facts);
