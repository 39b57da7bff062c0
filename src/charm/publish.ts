import { NEW_CLUSTER_SECRET_FILE } from "../agent/contract.ts";
import { HookCommandError, type HookTools, type Status } from "../juju/hook-tools.ts";
import { writeApplicationBag, writeReport, type UnitReport } from "../relations/peers.ts";
import { REQUEST } from "../relations/postgresql.ts";
import { clusterOf, roleOf, versionOf, webPeer, type Facts } from "./facts.ts";
import { modeOf } from "./follow.ts";
import { lead } from "./lead.ts";
import { wordsToOthers, type Word } from "./publish-tsa.ts";
import { SECRET_LABEL } from "./read.ts";
import { isReady } from "./ready.ts";
import { report } from "./report.ts";
import { goesOnAtOnce } from "./turn.ts";

/** What this unit has to tell Juju: as data, so that it can be looked at without telling. */
export interface Publication {
  /** Make the cluster secret from the agent's file; its URI then goes into the application bag. */
  readonly addSecret: boolean;
  readonly applicationBag: { readonly relation: string; readonly data: Readonly<Record<string, string>> } | null;
  readonly unitBag: { readonly relation: string; readonly data: Readonly<Record<string, string>> } | null;
  /** For the relations with other applications of this kind. */
  readonly words: readonly Word[];
  readonly databaseRequest: string | null;
  readonly open: readonly string[];
  readonly close: readonly string[];
  readonly version: string | null;
  readonly status: Status | null;
  /** This hook's words are news to this unit itself: it is to look once more. */
  readonly again: boolean;
}

/** Only what differs from what Juju has: writing what is there already would cost every other unit a look. */
export function publication(facts: Facts, status: Status): Publication {
  const { peers, leader, local } = facts;
  const settled = facts.mistakes.length === 0 && !local.occupant && !local.stopped;
  const unitReport = peers && !local.occupant && !local.stopped ? report(facts) : null;
  const cluster = local.stopped ? null : lead(facts, unitReport);
  const needsSecret = settled && leader && peers !== null && !facts.secret.exists && modeOf(facts) !== "worker";
  const addSecret = needsSecret && local.agent?.clusterSecretReady === true;
  const changed = cluster !== null && JSON.stringify(cluster) !== JSON.stringify(peers?.cluster);
  const ports = roleOf(facts) === "web" && settled ? [`${facts.options.webPort}/tcp`] : [];
  const statusChanged = status.status !== facts.status.status || status.message !== facts.status.message;
  // Juju stores secrets before it commits the bags: one may be there whose name was never written.
  const secret = peers && !peers.secretUri && facts.secret.id ? `secret:${facts.secret.id}` : null;
  return {
    addSecret,
    applicationBag:
      peers && (changed || addSecret || secret)
        ? { relation: peers.relation, data: writeApplicationBag({ cluster: changed ? cluster : null, secret }) }
        : null,
    unitBag:
      peers && unitReport && saysMore(unitReport, peers.report)
        ? { relation: peers.relation, data: writeReport(unitReport) }
        : null,
    words: local.occupant || local.stopped ? [] : wordsToOthers(facts),
    databaseRequest:
      settled && leader && facts.database.relation && !facts.database.requested ? facts.database.relation : null,
    open: ports.filter((port) => !facts.openedPorts.includes(port)),
    // Options that make no sense close nothing to those who use the web.
    close: settled || roleOf(facts) !== "web" ? facts.openedPorts.filter((port) => !ports.includes(port)) : [],
    version: local.occupant || local.stopped ? null : versionToTell(facts, statusChanged),
    status: statusChanged ? status : null,
    again: unitReport !== null && goesOnAtOnce(facts, cluster),
  };
}

/**
 * What `juju status` is to show as the application's version: the last word of any unit. Juju 4.0 takes a new unit's empty
 * one for such a word (4.0.15, domain/application/state, setUnitWorkloadVersion), so a unit that has not reported yet
 * repeats what the web runs. Later it tells with each change to ready what it runs itself, in a roll-out the new one only.
 */
function versionToTell(facts: Facts, statusChanged: boolean): string | null {
  const { peers, local } = facts;
  if (peers?.report === null) return versionOf(webPeer(facts)?.report?.running ?? null);
  if (!statusChanged || !isReady(facts)) return null;
  const version = versionOf(local.current);
  return roleOf(facts) === "web" || version === clusterOf(facts)?.release?.version ? version : null;
}

/**
 * Every word in a unit's bag is a hook on every other unit. A generation that asks nothing of this unit is acknowledged
 * with its next word; a unit that has nothing to say yet says nothing.
 */
function saysMore(now: UnitReport, before: UnitReport | null): boolean {
  if (before === null) return now.store !== null || now.worker !== null || now.web !== null || now.running !== null;
  return JSON.stringify({ ...now, generation: 0 }) !== JSON.stringify({ ...before, generation: 0 });
}

/** Tells it. The bags come after the secret: their one value names it. */
export async function publish(what: Publication, tools: HookTools): Promise<void> {
  const secret = what.addSecret ? await tools.addSecret(SECRET_LABEL, NEW_CLUSTER_SECRET_FILE) : null;
  await Promise.all([
    ...(what.applicationBag
      ? [
          tools.setBag(what.applicationBag.relation, "application", {
            ...what.applicationBag.data,
            ...writeApplicationBag({ cluster: null, secret }),
          }),
        ]
      : []),
    ...(what.unitBag ? [tools.setBag(what.unitBag.relation, "unit", what.unitBag.data)] : []),
    ...what.words.map(({ relation, bag, data }) => tools.setBag(relation, bag, data)),
    ...(what.databaseRequest ? [tools.setBag(what.databaseRequest, "application", REQUEST)] : []),
    ...what.open.map((port) => openPort(port, tools)),
    ...what.close.map((port) => tools.closePort(port)),
    ...(what.version ? [tools.setVersion(what.version)] : []),
    ...(what.status ? [tools.setStatus(what.status)] : []),
  ]);
}

/** Another unit on this machine may have the port in Juju's books; whether anything listens there the status tells. */
async function openPort(port: string, tools: HookTools): Promise<void> {
  try {
    await tools.openPort(port);
  } catch (error) {
    if (!(error instanceof HookCommandError && error.says("conflicts"))) throw error;
    await tools.log("WARNING", error.message);
  }
}
