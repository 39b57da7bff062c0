import type { ClusterSecret, Orders, PublicFacts, Target } from "../agent/contract.ts";
import { KNOWN_DIGESTS } from "../concourse/digests.ts";
import { WEB_SERVICE, WORKER_SERVICE } from "../concourse/services.ts";
import { TSA_PORT } from "../concourse/settings.ts";
import { publicLine } from "../concourse/ssh-keys.ts";
import { releaseName } from "../store/layout.ts";
import type { Cluster } from "../relations/peers.ts";
import {
  applicationName,
  clusterOf,
  externalUrl,
  isCopyOf,
  isFetching,
  memberName,
  roleOf,
  urlHost,
  versionOf,
  webPeer,
  type Facts,
} from "./facts.ts";
import { mayCleanUp } from "./clean-up.ts";
import { damagedCopies } from "./damage.ts";
import { toResolve } from "./lead.ts";
import { modeOf } from "./follow.ts";
import { leasesForOthers, neededReleases } from "./leases.ts";
import { expectedTarget, previousRelease } from "./memory.ts";
import { applicationsBehind } from "./other-model.ts";
import { publicAddress } from "./plan-web.ts";
import { allWorkers, authorisedKeys } from "./worker-keys.ts";

/** Where every unit sees the store: the mount point with shared storage, a plain directory without. */
export const STORE_PATH = "/var/lib/concourse";

/** The standing orders of the unit's agent. With options that make no sense it goes on with what it had. */
export function ordersFor(facts: Facts): Orders | null {
  const acknowledged = facts.local.agent?.sequence ?? 0;
  if (facts.mistakes.length > 0 || facts.local.occupant) {
    // What an operator has to put right is not to be covered by a download's progress.
    return facts.local.orders && { ...facts.local.orders, acknowledged, quiet: true };
  }
  const { environment, options, leader, local } = facts;
  const cluster = clusterOf(facts);
  const role = roleOf(facts);
  const shared = options.sharedStorage !== "none";
  const damaged = damagedCopies(facts);
  const before = cluster && previousRelease(cluster);
  const kept = before ? [before] : [];
  const first = cluster?.release ? [releaseName(cluster.release)] : [];
  const target = first.filter((name) => !damaged.includes(name));
  return {
    schema: 1,
    unit: environment.unit,
    modelUuid: environment.modelUuid,
    charmDirectory: environment.charmDirectory,
    acknowledged,
    stopping: local.stopped,
    store: {
      kind: shared ? "mount" : "private",
      path: STORE_PATH,
      id: shared ? (cluster?.store ?? null) : null,
      // Any unit that can write: the leader may have it read-only, and of several only one succeeds.
      mayCreate: true,
      application: applicationName(environment),
      related: relatedApplications(facts),
      member: memberName(environment),
      lease: unique([...neededReleases(facts), ...(leasesForAll(facts) ? kept : [])]),
      ...leasesFor(facts),
      ...(shared && speaksToPeople(facts) && facts.secret.content
        ? { people: publicFacts(facts, facts.secret.content) }
        : {}),
      keep: unique([...target, ...kept, ...runningElsewhere(facts)]),
      cleanUp: mayCleanUp(facts),
    },
    source: {
      resource: true,
      mirrors: options.releaseMirrors,
      digest: options.releaseDigest,
      known: KNOWN_DIGESTS,
      githubToken: options.githubToken,
      httpProxy: environment.proxies.http,
      httpsProxy: environment.proxies.https,
      noProxy: environment.proxies.none,
    },
    resolve: toResolve(facts),
    target: expectedTarget(cluster),
    damaged,
    request: lastRequest(facts, cluster?.release ?? null),
    fetch: cluster?.release ? !shared || fetches(facts, cluster) : false,
    // A copy that repairs one is fetched while the unit does its work.
    quiet: cluster?.release ? isCopyOf(local.current, cluster.release) : false,
    workerKey: role !== "web",
    worker: role === "worker",
    clusterSecret: leader && !facts.secret.exists && modeOf(facts) !== "worker",
    database: role === "web" ? facts.database.answer : null,
    web:
      role === "web" && facts.secret.content
        ? {
            url: `http://127.0.0.1:${options.webPort}`,
            username: options.adminName,
            password: facts.secret.content["admin-password"],
            expected: expectedWorkers(facts),
          }
        : null,
    probe: probeFor(facts),
    services: [WEB_SERVICE, WORKER_SERVICE],
  };
}

/** The last wish stands, so that what it began goes on; that the lock is passed over ends with the fetch. */
function lastRequest({ local }: Facts, target: Target | null): NonNullable<Orders["request"]> | null {
  const { orders, agent } = local;
  const fetched = agent?.fetch?.step === "published" && agent.fetch.version === target?.version;
  return orders?.request ? { id: orders.request.id, lock: orders.request.lock || fetched } : null;
}

/**
 * Applications that may have the same store, by their names there: our own, those related as webs and workers, and those
 * that the web application behind `flight` is related to.
 */
export function relatedApplications({ environment, flight, tsa }: Facts): string[] {
  const names = [environment.application, ...(flight ? [flight.application] : [])];
  return unique([
    ...names.map((name) => applicationName(environment, name)),
    ...tsa.flatMap((one) => applicationsBehind(environment, one)),
    ...(flight?.word?.applications ?? []),
  ]);
}

function leasesFor(facts: Facts): Pick<Orders["store"], "leasesFor" | "departed"> {
  const leases = leasesForOthers(facts);
  return leases ? { leasesFor: leases, departed: facts.departed } : {};
}

/**
 * The fetcher leases what its application keeps: another one on the same store knows of no other reason, and cleans up too.
 */
const leasesForAll = (facts: Facts): boolean =>
  clusterOf(facts)?.fetcher === facts.environment.unit &&
  facts.options.sharedStorage !== "none" &&
  facts.local.agent?.store.writable === true;

/** Releases that units run, here and behind `tsa`, as far as this unit hears of them. */
const runningElsewhere = ({ peers, tsa }: Facts): string[] => [
  ...(peers?.others ?? []).flatMap(({ report }) => report?.running ?? []),
  ...tsa.flatMap(({ workers }) => workers.flatMap(({ word }) => word?.running ?? [])),
];

/** Of several webs one lays down what people look at. */
const speaksToPeople = (facts: Facts): boolean => clusterOf(facts)?.web === facts.environment.unit;

/** With several webs no one of them is missed: only a single one is placed anew. */
function probeFor(facts: Facts): Orders["probe"] {
  const web = clusterOf(facts)?.mode === "auto" ? webPeer(facts) : null;
  if (!facts.leader || !web?.address) return null;
  return {
    unit: web.unit,
    url: `http://${urlHost(web.address)}:${facts.options.webPort}`,
    // One that does not listen yet may be migrating its database: then only a machine that is gone counts.
    ...(web.report?.web?.answering ? {} : { installing: true }),
  };
}

/**
 * The fetcher fetches, and the leader stands by: the store's lock lets one of them in, so the leader takes over when the
 * fetcher's machine is gone and does nothing before. Who is in the middle of it finishes, whoever leads or is named by then.
 */
function fetches({ environment, leader, local }: Facts, { fetcher, release }: Cluster): boolean {
  if (fetcher === null) return false;
  if (leader || fetcher === environment.unit) return true;
  return isFetching(local.agent) && local.agent?.fetch?.version === release?.version;
}

/** Workers that have told us their key and are on their way to this web, or there already. */
function expectedWorkers(facts: Facts): string[] {
  return unique(allWorkers(facts).flatMap(({ name }) => name ?? []));
}

/** For people who look into the shared directory: nothing secret, and nothing that a unit goes by. */
function publicFacts(facts: Facts, secret: ClusterSecret): PublicFacts {
  const { environment, options, peers, local } = facts;
  const address = peers?.address ?? "127.0.0.1";
  const lines = {
    CONCOURSE_VERSION: versionOf(local.current) ?? "",
    CONCOURSE_RELEASE: local.current ?? "",
    CONCOURSE_EXTERNAL_URL: externalUrl(options, publicAddress(facts) ?? address),
    CONCOURSE_TSA_HOST: `${urlHost(address)}:${TSA_PORT}`,
    CONCOURSE_CLUSTER_NAME: environment.application,
    JUJU_MODEL_UUID: environment.modelUuid,
    JUJU_WEB_UNIT: environment.unit,
  };
  const config = Object.entries(lines).map(([key, value]) => `${key}=${value}\n`);
  return {
    config: ["# Facts for people. No unit reads this file.\n", ...config].join(""),
    keys: {
      [`${environment.application}-tsa_host_key.pub`]: `${publicLine(secret["tsa-host-key"])}\n`,
      [`${environment.application}-authorized_worker_keys`]: authorisedKeys(facts),
    },
  };
}

const unique = (names: readonly string[]): string[] => [...new Set(names)].toSorted();
