import { WEB_SERVICE, webUnit } from "../concourse/services.ts";
import { FILES, webSettings } from "../concourse/settings.ts";
import { clusterOf, externalUrl, NOT_RUNNING, webPeer, type Facts } from "./facts.ts";
import type { Step } from "./plan.ts";
import { dropService, runService, storeThere, type FileWanted } from "./service.ts";
import { authorisedKeys } from "./worker-keys.ts";

/** The web's service, once it has a release, its secrets and a database. */
export function planWeb(facts: Facts, current: string | null): Step[] {
  const service = facts.local.services[WEB_SERVICE] ?? NOT_RUNNING;
  const { answer, relation } = facts.database;
  const secret = facts.secret.content;
  // Also what an interrupted hook has left: the last database's password is in there.
  if (!relation && facts.peers) return dropService(facts, WEB_SERVICE);
  const database = facts.local.agent?.database;
  const published = publicAddress(facts);
  if (!current || !answer || !secret || !database?.ready || !published || !storeThere(facts)) return [];
  const keys = authorisedKeys(facts);
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
  const answering = webAnswers(facts);
  const mayWriteKeys = service.pid === 0 || answering;
  const keysStep: FileWanted[] = mayWriteKeys
    ? [{ path: FILES.authorizedKeys, content: keys, mode: 0o644, owner: "root" }]
    : [];
  const run = runService(
    facts,
    WEB_SERVICE,
    webUnit,
    FILES.webEnvironment,
    settings,
    [...secrets, ...keysStep],
    secrets,
    current,
  );
  const restarts = run.some((step) => step.do === "service");
  if (!answering || restarts) return run;
  // The mark outlives a hook that dies between the file and the signal.
  if (mayWriteKeys && facts.local.files[FILES.authorizedKeys] !== keys)
    return [{ do: "mark-reload" }, ...run, { do: "reload-keys" }];
  return facts.local.reloadPending ? [...run, { do: "reload-keys" }] : run;
}

/** The web that runs now answers, as its agent saw; a view from before a restart does not count. */
export function webAnswers({ local }: Facts): boolean {
  const pid = local.services[WEB_SERVICE]?.pid ?? 0;
  return pid > 0 && local.agent?.web?.api === true && local.agent.services[WEB_SERVICE]?.mainPid === pid;
}

/**
 * The address of the web that people are sent to: several webs must all name the same one, since each writes its settings
 * into the database as it starts (Concourse 7.14, skymarshal/dexserver). Null while it is not known.
 */
export function publicAddress(facts: Facts): string | null {
  const web = clusterOf(facts)?.web ?? facts.environment.unit;
  return web === facts.environment.unit ? (facts.peers?.address ?? "127.0.0.1") : (webPeer(facts)?.address ?? null);
}
