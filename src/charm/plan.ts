import { createHash } from "node:crypto";
import { WORKER_KEY_FILE } from "../agent/contract.ts";
import {
  agentUnit,
  AGENT_SERVICE,
  CONFIG_HASH,
  unitFile,
  WEB_SERVICE,
  webUnit,
  WORKER_SERVICE,
  workerUnit,
} from "../concourse/services.ts";
import { environmentFile, FILES, webSettings, workerSettings, type Settings } from "../concourse/settings.ts";
import { fingerprint } from "../concourse/ssh-keys.ts";
import {
  clusterOf,
  externalUrl,
  memberName,
  NOT_RUNNING,
  roleOf,
  webPeer,
  type Facts,
  type ServiceFacts,
} from "./facts.ts";
import { withTsaHost, HOSTS_FILE } from "./hosts.ts";
import { ordersFor } from "./orders.ts";
import { tearDown } from "./tear-down.ts";
import { authorisedKeys, readKey } from "./worker-keys.ts";
import type { Orders } from "../agent/contract.ts";
import type { Cluster } from "../relations/peers.ts";

/** One thing to do on this machine. `apply` does them in order; each can be done twice. */
export type Step =
  | { readonly do: "claim-machine" }
  | { readonly do: "create-user" }
  | { readonly do: "follow"; readonly cluster: Cluster }
  | { readonly do: "install-agent" }
  | {
      readonly do: "write";
      readonly path: string;
      readonly content: string;
      readonly mode: number;
      readonly owner: "root" | "concourse";
    }
  | { readonly do: "remove"; readonly path: string }
  | { readonly do: "link-release"; readonly name: string; readonly manifestSha256: string }
  | { readonly do: "reload-units" }
  | { readonly do: "service"; readonly service: string; readonly verb: Verb }
  | { readonly do: "give-up-lease" }
  | { readonly do: "clear-machine" }
  | { readonly do: "mark-reload" }
  | { readonly do: "reload-keys" }
  | { readonly do: "order"; readonly orders: Orders }
  /** Whose unit bag this unit reads; null = everybody's. `dispatch` passes over news of others. */
  | { readonly do: "heed"; readonly web: string | null };

/** `stop` returns at once, `end` when the service is down: only tear-down may wait. */
export type Verb = "start" | "restart" | "stop" | "end";

const PROGRAM = "/var/lib/concourse-unit/program";
/**
 * The command line of the agent; see `installAgent` for what lies there. Small young generations: what streams through a
 * download dies at once, and V8 would let it grow to half as much memory again before it looks.
 */
export const AGENT_COMMAND = `${PROGRAM}/node --max-semi-space-size=1 ${PROGRAM}/main.mjs agent`;

/** What is still to do on this machine, in order. Nothing once the machine is as the facts want it. */
export function plan(facts: Facts): Step[] {
  if (facts.local.occupant || facts.local.arch === null) return [];
  if (facts.local.stopped) return tearDown(facts);
  return [...planAgent(facts), ...(facts.mistakes.length > 0 ? [] : planWork(facts))];
}

function planAgent({ local }: Facts): Step[] {
  const steps: Step[] = [];
  if (!local.claimed) steps.push({ do: "claim-machine" });
  if (!local.userExists) steps.push({ do: "create-user" });
  const unit = agentUnit(AGENT_COMMAND, local.program);
  const service = local.services[AGENT_SERVICE] ?? NOT_RUNNING;
  const unitChanged = local.files[unitFile(AGENT_SERVICE)] !== unit;
  if (unitChanged) steps.push(write(unitFile(AGENT_SERVICE), unit), { do: "reload-units" });
  // On a machine that was another unit's, its agent may still run.
  if (local.agentProgram !== local.program || !local.claimed) return [...steps, { do: "install-agent" }];
  const old = service.pid > 0 && service.config !== null && service.config !== local.program;
  if (unitChanged || old) return [...steps, { do: "service", service: AGENT_SERVICE, verb: "restart" }];
  if (service.active !== "active" || !service.enabled) {
    return [...steps, { do: "service", service: AGENT_SERVICE, verb: "start" }];
  }
  return steps;
}

/** The agent's orders, from facts read after everything was applied and told. */
export function planOrders(facts: Facts): Step[] {
  if (facts.local.occupant || facts.local.arch === null || facts.local.stopped) return [];
  const orders = ordersFor(facts);
  const changed = orders !== null && JSON.stringify(orders) !== JSON.stringify(facts.local.orders);
  const web = facts.leader || roleOf(facts) !== "worker" ? null : (clusterOf(facts)?.web ?? null);
  return [
    ...(web === facts.local.heeds ? [] : [{ do: "heed", web } as const]),
    ...(changed ? [{ do: "order", orders } as const] : []),
  ];
}

function planWork(facts: Facts): Step[] {
  const cluster = clusterOf(facts);
  const role = roleOf(facts);
  if (!cluster || !role) return [];
  const steps: Step[] = [];
  if (cluster.generation > (facts.local.followed?.generation ?? 0)) steps.push({ do: "follow", cluster });
  const release = releaseToRun(facts);
  if (release && release.name !== facts.local.current) steps.push({ do: "link-release", ...release });
  const current = release?.name ?? facts.local.current;
  return [
    ...steps,
    ...(role === "web" ? dropService(facts, WORKER_SERVICE) : dropService(facts, WEB_SERVICE)),
    ...(role === "web" ? planWeb(facts, current) : planWorker(facts, current)),
  ];
}

/** The published release, if this unit has it whole before its eyes and may change to it. */
function releaseToRun(facts: Facts): { name: string; manifestSha256: string } | null {
  const target = clusterOf(facts)?.release;
  const found = facts.local.agent?.release;
  if (!target?.manifestSha256 || !found?.verified || target.arch !== facts.local.arch) return null;
  if (found.sha256 !== target.sha256 || found.manifestSha256 !== target.manifestSha256) return null;
  // The lease comes before the link: a clean-up on another unit must see that the release is wanted.
  if (!facts.local.agent?.lease?.includes(found.name)) return null;
  const mayChange = facts.local.current === null || clusterOf(facts)?.turn === facts.environment.unit;
  return mayChange ? { name: found.name, manifestSha256: found.manifestSha256 } : null;
}

/** Concourse is started only where its release can be read; what runs is left alone when the store is away. */
const storeThere = ({ local }: Facts): boolean => local.agent?.store.mounted === true && !local.agent.store.problem;

function planWeb(facts: Facts, current: string | null): Step[] {
  const service = facts.local.services[WEB_SERVICE] ?? NOT_RUNNING;
  const { answer, relation } = facts.database;
  const secret = facts.secret.content;
  if (!relation && facts.peers) return service.active === "inactive" ? [] : dropService(facts, WEB_SERVICE);
  const database = facts.local.agent?.database;
  if (!current || !answer || !secret || !database?.ready || !storeThere(facts)) return [];
  const keys = authorisedKeys(facts);
  const address = facts.peers?.address ?? "127.0.0.1";
  const settings = webSettings({
    port: facts.options.webPort,
    externalUrl: externalUrl(facts.options, address),
    peerAddress: address,
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

function planWorker(facts: Facts, current: string | null): Step[] {
  const web = webPeer(facts);
  const { agent } = facts.local;
  const key = agent?.workerPublicKey;
  const webReport = web?.report?.web;
  if (!web?.address || !webReport || !key || !current) return [];
  const steps: Step[] = [];
  const hosts = facts.local.files[HOSTS_FILE] ?? "";
  const wanted = withTsaHost(hosts, web.address);
  if (wanted !== hosts) steps.push(write(HOSTS_FILE, wanted));
  const running = (facts.local.services[WORKER_SERVICE]?.pid ?? 0) > 0;
  // A worker whose key is not let in loses five seconds before it tries again (Concourse, worker/beacon_runner.go).
  const welcome = webReport.answering && webReport.authorised.includes(fingerprint(key));
  if (!storeThere(facts) || (!running && !welcome)) return steps;
  const settings = workerSettings({
    name: memberName(facts.environment),
    keyFile: WORKER_KEY_FILE,
    logLevel: facts.options.logLevel,
    tags: facts.options.tags,
    dnsServers: facts.options.dnsServers.length > 0 ? facts.options.dnsServers : facts.local.nameservers,
  });
  const tsaKey = readKey(webReport.hostKey);
  if (tsaKey === null) return steps;
  const hostKey: FileWanted = { path: FILES.tsaPublicKey, content: `${tsaKey}\n`, mode: 0o644, owner: "root" };
  return [
    ...steps,
    ...runService(facts, WORKER_SERVICE, workerUnit, FILES.workerEnvironment, settings, [hostKey], [hostKey], current),
  ];
}

interface FileWanted {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly owner: "root" | "concourse";
}

/**
 * Files and state of one service. It restarts exactly when the running process was started with something else than what
 * it should run with: the process itself says so (its environment, and where its program lies), no note of ours.
 */
function runService(
  facts: Facts,
  service: string,
  unit: string,
  environmentPath: string,
  settings: Settings,
  files: readonly FileWanted[],
  hashed: readonly FileWanted[],
  release: string,
): Step[] {
  const hash = createHash("sha256")
    .update(JSON.stringify([unit, settings, hashed.map(({ path, content }) => [path, content]), release]))
    .digest("hex");
  const environment: FileWanted = {
    path: environmentPath,
    content: environmentFile({ ...settings, [CONFIG_HASH]: hash }),
    mode: 0o600,
    owner: "root",
  };
  const steps: Step[] = [...files, environment]
    .filter(({ path, content }) => facts.local.files[path] !== content)
    .map((file) => ({ do: "write", ...file }));
  if (facts.local.files[unitFile(service)] !== unit) steps.push(write(unitFile(service), unit), { do: "reload-units" });
  const verb = verbFor(
    facts.local.services[service] ?? NOT_RUNNING,
    hash,
    release,
    facts.local.files[environmentPath] !== environment.content,
  );
  return verb ? [...steps, { do: "service", service, verb }] : steps;
}

function verbFor(now: ServiceFacts, hash: string, release: string, changed: boolean): "start" | "restart" | null {
  // Between two attempts of systemd, and between its fork and its exec, there is no process to ask.
  if (now.active === "activating") return changed ? "restart" : null;
  if (now.pid === 0) return "start";
  return now.config === hash && (now.release === release || now.release === null) ? null : "restart";
}

/** A unit that loses a role stops that service and forgets its secrets. */
function dropService(facts: Facts, service: string): Step[] {
  const { files, services } = facts.local;
  const mine =
    service === WEB_SERVICE
      ? [FILES.webEnvironment, FILES.sessionSigningKey, FILES.tsaHostKey, FILES.authorizedKeys, FILES.databaseCa]
      : [FILES.workerEnvironment, FILES.tsaPublicKey];
  const state = services[service] ?? NOT_RUNNING;
  const stop: Step[] =
    state.enabled || ["active", "activating", "reloading"].includes(state.active)
      ? [{ do: "service", service, verb: "stop" }]
      : [];
  const left = [...mine, unitFile(service)].filter((path) => (files[path] ?? null) !== null);
  if (left.length === 0) return stop;
  return [...stop, ...left.map((path): Step => ({ do: "remove", path })), { do: "reload-units" }];
}

/** The web that runs now answers, as its agent saw; a view from before a restart does not count. */
export function webAnswers({ local }: Facts): boolean {
  const pid = local.services[WEB_SERVICE]?.pid ?? 0;
  return pid > 0 && local.agent?.web?.api === true && local.agent.services[WEB_SERVICE]?.mainPid === pid;
}

const write = (path: string, content: string): Step => ({ do: "write", path, content, mode: 0o644, owner: "root" });
