import { publicLine } from "../concourse/ssh-keys.ts";
import type { UnitReport, WebReport } from "../relations/peers.ts";
import { clusterOf, memberName, roleOf, type Facts } from "./facts.ts";
import { askedOfPeers } from "./leases.ts";
import { hasTakenUp, isReady } from "./ready.ts";
import { waitsForTurn } from "./turn.ts";
import { welcome } from "./welcome.ts";
import { workersAmongPeers } from "./worker-keys.ts";

/** What this unit tells the others, from facts read after everything was applied. */
export function report(facts: Facts): UnitReport {
  const { agent } = facts.local;
  const cluster = clusterOf(facts);
  const role = roleOf(facts);
  const store = agent?.store;
  const release = agent?.release;
  return {
    generation: Math.max(facts.local.followed?.generation ?? 0, facts.peers?.report?.generation ?? 0),
    running: facts.local.current,
    ready: !holdsUp(facts) || (isReady(facts) && hasTakenUp(facts)),
    ...(waitsForTurn(facts) ? { restart: true } : {}),
    store: store?.mounted && store.id && !store.problem ? { id: store.id, writable: store.writable } : null,
    published:
      release?.verified && (facts.leader || cluster?.fetcher === facts.environment.unit)
        ? { name: release.name, sha256: release.sha256, manifestSha256: release.manifestSha256 }
        : null,
    damaged: facts.options.sharedStorage === "none" ? [] : (agent?.damaged ?? []),
    // Only to webs among the peers: to those of another application it is told by the relation with them.
    worker:
      role === "worker" && cluster?.mode === "auto" && agent?.workerPublicKey
        ? { name: memberName(facts.environment), key: agent.workerPublicKey }
        : null,
    lease: askedOfPeers(facts),
    web: role === "web" ? reportWeb(facts) : null,
  };
}

/**
 * Only whose turn it is holds the others up, as a web that is restarted must not have every unit write and read; and who was
 * away in its turn, until it is back: a version that waits for the webs of another application takes turns away.
 */
const holdsUp = (facts: Facts): boolean =>
  clusterOf(facts)?.turn === facts.environment.unit || facts.peers?.report?.ready === false;

function reportWeb(facts: Facts): WebReport | null {
  const secret = facts.secret.content;
  if (!secret) return null;
  const { answering, authorised, workers } = welcome(facts, workersAmongPeers(facts), facts.peers?.report?.web ?? null);
  return { answering, hostKey: publicLine(secret["tsa-host-key"]), authorised, workers };
}
