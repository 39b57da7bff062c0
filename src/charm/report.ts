import { WEB_SERVICE, WORKER_SERVICE } from "../concourse/services.ts";
import { fingerprint, publicLine } from "../concourse/ssh-keys.ts";
import { FILES } from "../concourse/settings.ts";
import type { UnitReport, WebReport } from "../relations/peers.ts";
import { clusterOf, memberName, NOT_RUNNING, roleOf, webPeer, versionOf, type Facts } from "./facts.ts";
import { webAnswers } from "./plan.ts";

/** What this unit tells the others, from facts read after everything was applied. */
export function report(facts: Facts): UnitReport {
  const { agent } = facts.local;
  const cluster = clusterOf(facts);
  const store = agent?.store;
  const release = agent?.release;
  return {
    generation: Math.max(facts.local.followed?.generation ?? 0, facts.peers?.report?.generation ?? 0),
    running: facts.local.current,
    // Only whose turn it is holds the others up: a web that is restarted must not have every unit write and read.
    ready: cluster?.turn !== facts.environment.unit || isReady(facts),
    store: store?.mounted && store.id && !store.problem ? { id: store.id, writable: store.writable } : null,
    published:
      release?.verified && (facts.leader || cluster?.fetcher === facts.environment.unit)
        ? { sha256: release.sha256, manifestSha256: release.manifestSha256 }
        : null,
    worker:
      roleOf(facts) === "worker" && agent?.workerPublicKey
        ? { name: memberName(facts.environment), key: agent.workerPublicKey }
        : null,
    web: roleOf(facts) === "web" ? reportWeb(facts) : null,
  };
}

/** The role's service runs the release the link leads to, and does its work, as seen from outside the process. */
export function isReady(facts: Facts): boolean {
  const role = roleOf(facts);
  if (!role) return false;
  const service = facts.local.services[role === "web" ? WEB_SERVICE : WORKER_SERVICE] ?? NOT_RUNNING;
  if (service.active !== "active" || service.release === null || service.release !== facts.local.current) return false;
  return role === "web" ? isWebReady(facts) : isRegistered(facts, service.since);
}

function isWebReady(facts: Facts): boolean {
  const web = facts.local.agent?.web;
  return webAnswers(facts) && web?.database === true && web.version === versionOf(facts.local.current);
}

/** A registration that is older than the process is its predecessor's: a web keeps those for a while. */
function isRegistered(facts: Facts, began: number): boolean {
  const web = webPeer(facts)?.report?.web;
  const found = web?.workers.find(({ name }) => name === memberName(facts.environment));
  return web?.answering === true && found !== undefined && (found.since ?? began) >= began;
}

function reportWeb(facts: Facts): WebReport | null {
  const secret = facts.secret.content;
  if (!secret) return null;
  const before = facts.peers?.report?.web ?? null;
  const answering = webAnswers(facts) && facts.local.agent?.web?.database === true;
  const keys = (facts.local.files[FILES.authorizedKeys] ?? "").split("\n").filter((line) => line !== "");
  return {
    answering,
    hostKey: publicLine(secret["tsa-host-key"]),
    // What is in the file is what the web has loaded: it is written before a start, or just before a reload.
    authorised: answering ? keys.map(fingerprint) : (before?.authorised ?? []),
    workers: answering
      ? (facts.local.agent?.web?.workers ?? [])
          .filter(({ state }) => state === "running")
          .map(({ name, since }) => ({ name, since }))
      : (before?.workers ?? []),
  };
}
