import { WEB_SERVICE, webUnit } from "../concourse/services.ts";
import { FILES, webSettings } from "../concourse/settings.ts";
import { clusterOf, externalUrl, NOT_RUNNING, webPeer, type Facts } from "./facts.ts";
import type { Step } from "./plan.ts";
import { hasEmptyDatabase, webAnswers } from "./ready.ts";
import { dropService, runService, storeThere, type FileWanted, type ServiceWanted } from "./service.ts";
import { authorisedKeys } from "./worker-keys.ts";

/** The web's service, once it has a release, its secrets and a database. */
export function planWeb(facts: Facts, current: string | null): Step[] {
  // Also what an interrupted hook has left: the last database's password is in there.
  if (!facts.database.relation && facts.peers) return dropService(facts, WEB_SERVICE);
  const wanted = current === null ? null : webWanted(facts, current);
  if (wanted === null) return [];
  const planned = runService(facts, wanted);
  const isRestart = planned.some((step) => step.do === "service");
  const run: Step[] =
    hasEmptyDatabase(facts) && !isRestart
      ? [...planned, { do: "service", service: WEB_SERVICE, verb: "restart" }]
      : planned;
  const restarts = run.some((step) => step.do === "service");
  if (!webAnswers(facts) || restarts) return run;
  // The mark outlives a hook that dies between the file and the signal.
  if (facts.local.files[FILES.authorizedKeys] !== authorisedKeys(facts))
    return [{ do: "mark-reload" }, ...run, { do: "reload-keys" }];
  return facts.local.reloadPending ? [...run, { do: "reload-keys" }] : run;
}

/** Null while it is not known what it should be. */
export function webWanted(facts: Facts, current: string): ServiceWanted | null {
  const service = facts.local.services[WEB_SERVICE] ?? NOT_RUNNING;
  const { answer } = facts.database;
  const secret = facts.secret.content;
  const database = facts.local.agent?.database;
  const published = publicAddress(facts);
  if (!answer || !secret || !database?.ready || !published || !storeThere(facts)) return null;
  const settings = webSettings({
    port: facts.options.webPort,
    externalUrl: externalUrl(facts.options, published),
    peerAddress: facts.peers?.address ?? "127.0.0.1",
    clusterName: facts.environment.application,
    adminName: facts.options.adminName,
    adminPasswordHash: secret["admin-password-hash"],
    logLevel: facts.options.logLevel,
    database: answer,
    databaseHost: { host: database.host, port: database.port },
  });
  const secrets: FileWanted[] = [
    { path: FILES.sessionSigningKey, content: secret["session-signing-key"], mode: 0o600, owner: "concourse" },
    { path: FILES.tsaHostKey, content: secret["tsa-host-key"], mode: 0o600, owner: "concourse" },
    ...(answer.ca ? [{ path: FILES.databaseCa, content: answer.ca, mode: 0o644, owner: "root" } as const] : []),
  ];
  // A SIGHUP ends a web that has not installed its handler yet: keys wait until it answers.
  const keys: FileWanted[] =
    service.pid === 0 || webAnswers(facts)
      ? [{ path: FILES.authorizedKeys, content: authorisedKeys(facts), mode: 0o644, owner: "root" }]
      : [];
  return {
    service: WEB_SERVICE,
    unit: webUnit,
    environmentPath: FILES.webEnvironment,
    settings,
    files: [...secrets, ...keys],
    hashed: secrets,
    release: current,
  };
}

/**
 * The address of the web that people are sent to: several webs must all name the same one, since each writes its settings
 * into the database as it starts (Concourse 7.14, skymarshal/dexserver). Null while it is not known.
 */
export function publicAddress(facts: Facts): string | null {
  const web = clusterOf(facts)?.web ?? facts.environment.unit;
  return web === facts.environment.unit ? (facts.peers?.address ?? "127.0.0.1") : (webPeer(facts)?.address ?? null);
}
