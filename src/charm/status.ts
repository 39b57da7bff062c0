import { WEB_SERVICE, WORKER_SERVICE } from "../concourse/services.ts";
import type { Status } from "../juju/hook-tools.ts";
import type { Cluster } from "../relations/peers.ts";
import { progressText } from "../agent/progress.ts";
import { clusterOf, isCopyOf, roleOf, versionOf, type Facts } from "./facts.ts";
import { isBeyondRepair } from "./damage.ts";
import { followsWeb, wantedVersion, webBrings, websHaveChanged } from "./follow.ts";
import { gatewaysOf, isWelcome, someAnswers } from "./gateways.ts";
import { hasEmptyDatabase, isReady, webAnswers } from "./ready.ts";
import { wrongRelations } from "./status-relations.ts";
import { afterOld, blocked, busy, clipped, counted, named, trouble, waiting } from "./status-words.ts";
import { relatedApplications } from "./orders.ts";
import { waitsForTurn } from "./turn.ts";
import { badKeys } from "./worker-keys.ts";

/**
 * The one line an operator sees, from facts read after everything was applied: the first of these that holds. What only
 * they can end is blocked and says what to run; what others or time will end is waiting or maintenance; active means seen
 * to work.
 */
export function status(facts: Facts): Status {
  const first = firstOf(facts);
  return { ...first, message: named(first.message, facts) };
}

function firstOf(facts: Facts): Status {
  return (
    stopping(facts) ??
    wrongMachine(facts) ??
    wrongOptions(facts) ??
    wrongRelations(facts) ??
    wrongStore(facts) ??
    wrongRelease(facts) ??
    fetching(facts) ??
    wrongDatabase(facts) ??
    working(facts) ??
    restarting(facts) ??
    roleStatus(facts)
  );
}

const stopping = ({ local }: Facts): Status | null => (local.stopped ? busy("Stopping Concourse") : null);

function wrongMachine(facts: Facts): Status | null {
  const { local, environment } = facts;
  if (local.arch === null)
    return blocked(`No Concourse for this machine's architecture (${process.arch}): use amd64 or arm64`);
  const arch = clusterOf(facts)?.release?.arch ?? local.arch;
  if (arch !== local.arch)
    return blocked(`The release is for ${arch}, this machine is ${local.arch}: use machines of one kind`);
  return local.occupant
    ? blocked(
        `This machine already runs ${local.occupant}: juju remove-unit ${environment.unit}, and add one on its own machine`,
      )
    : null;
}

function wrongOptions({ mistakes, environment }: Facts): Status | null {
  const [first, ...more] = mistakes;
  if (!first) return null;
  const others = more.length > 0 ? ` (and ${more.map(({ option }) => option).join(", ")})` : "";
  return blocked(
    `Option ${first.option}: ${first.message}${others}. juju config ${environment.application} ${first.option}=…`,
  );
}

function wrongStore(facts: Facts): Status | null {
  const { local, options } = facts;
  const store = local.agent?.store;
  if (!store || isOutdated(facts)) return null;
  if (store.problem) return trouble(store.problem);
  if (!store.mounted && options.sharedStorage !== "none") {
    return waiting("Waiting for shared storage mount: attach a disk with .lxc_shared_storage at /var/lib/concourse");
  }
  return null;
}

/** The agent took the store for a stranger's, and has not heard yet of the relation that makes it ours as well. */
function isOutdated(facts: Facts): boolean {
  const { agent, orders } = facts.local;
  const known = new Set(orders?.store.related);
  return agent?.store.problem?.code === "foreign-store" && relatedApplications(facts).some((name) => !known.has(name));
}

function wrongRelease(facts: Facts): Status | null {
  const { agent } = facts.local;
  const unresolved = facts.leader ? agent?.resolved?.problem : null;
  if (unresolved && facts.local.orders?.resolve) return trouble(unresolved);
  if (isBeyondRepair(facts))
    return blocked(
      "Copy after copy of the release gets damaged: see storage-status; check the store's disk, and who writes there",
    );
  return agent?.fetchProblem ? trouble(agent.fetchProblem) : unwritable(facts);
}

/** It is this unit's to fetch, and no unit of the application could: else another one were named. */
function unwritable(facts: Facts): Status | null {
  const cluster = clusterOf(facts);
  const store = facts.local.agent?.store;
  if (!cluster?.release || cluster.release.manifestSha256 !== null || cluster.fetcher !== facts.environment.unit)
    return null;
  return cluster.store !== null && store?.mounted && !store.writable
    ? blocked(
        `Concourse ${cluster.release.version} is not on the store, which is read-only here: mount it read-write, or fetch it by the web application`,
      )
    : null;
}

function wrongDatabase(facts: Facts): Status | null {
  if (roleOf(facts) !== "web") return null;
  const { application } = facts.environment;
  const integrate = `juju integrate ${application}:postgresql postgresql`;
  if (!facts.database.relation)
    return facts.ending.includes("postgresql") ? afterOld(integrate) : blocked(`PostgreSQL is required: ${integrate}`);
  const database = facts.local.agent?.database;
  const { unreadable } = facts.database;
  if (unreadable !== null && database?.ready !== true) return blocked(`PostgreSQL sent ${clipped(unreadable)}`);
  if (!database?.problem) return null;
  // A database that is ready all the same lacks pgcrypto: nothing before Concourse 8.0 asks for it (its migration 1747084615).
  const version = clusterOf(facts)?.release?.version ?? "";
  return database.ready && Number.parseInt(version, 10) < 8 ? null : trouble(database.problem);
}

/** What the agent shows itself while bytes arrive: both must say the same, or the status would go to and fro. */
function fetching(facts: Facts): Status | null {
  const release = clusterOf(facts)?.release;
  const { agent, current } = facts.local;
  if (!release || isCopyOf(current, release) || agent?.fetch?.version !== release.version) return null;
  const { step } = agent.fetch;
  return step === "downloading" || step === "unpacking"
    ? busy(progressText(release.version, { ...agent.fetch, step }))
    : null;
}

/** A release on its way: to be found out, fetched, or taken over. */
function working(facts: Facts): Status | null {
  const { agent, current } = facts.local;
  const cluster = clusterOf(facts);
  if (!agent || !facts.peers) return busy("Installing the unit's agent");
  if (!cluster?.release) return choosing(facts);
  const { version } = cluster.release;
  if (isCopyOf(current, cluster.release)) return null;
  if (cluster.release.manifestSha256 !== null && agent.release?.verified) return changing(facts, cluster);
  const fetch = agent.fetch?.version === version ? agent.fetch : null;
  const brought = webBrings(facts, cluster.store, version);
  const other = cluster.fetcher ?? (brought ? (facts.flight?.application ?? null) : null);
  if (fetch?.step === "waiting")
    return waiting(`Waiting for ${fetch.holder ?? "another unit"} to download Concourse ${version}`);
  if (
    other !== null &&
    other !== facts.environment.unit &&
    cluster.release.manifestSha256 === null &&
    !agent.release?.verified
  ) {
    return waiting(`Waiting for ${other} to download Concourse ${version}`);
  }
  return busy(`Checking Concourse ${version}`);
}

function choosing(facts: Facts): Status {
  if (!facts.leader) return waiting("Waiting for the leader to choose a release");
  return wantedVersion(facts, null) === null
    ? waiting(`Waiting for ${facts.flight?.application ?? "the web application"} to say which release it runs`)
    : busy("Looking up the Concourse release");
}

/** The release is there and checked; what is left is this unit's own change to it. */
function changing(facts: Facts, cluster: Cluster): Status {
  const { agent, current } = facts.local;
  const { flight, environment } = facts;
  const version = cluster.release?.version ?? "?";
  const mayChange = current === null || cluster.turn === environment.unit;
  if (mayChange && agent?.store.writable === false && !agent.lease?.includes(agent.release?.name ?? "")) {
    // Where no unit of the application can write, one is named the fetcher all the same: this one may be it.
    const holder = cluster.fetcher === environment.unit ? null : cluster.fetcher;
    return waiting(
      `Waiting for ${holder ?? flight?.application ?? "another unit"} to lease Concourse ${version} for this unit`,
    );
  }
  if (current === null) return busy(`Installing Concourse ${version}`);
  if (mayChange) return busy(`Changing to Concourse ${version}`);
  const afterWebs = flight && followsWeb(facts) && cluster.release && !websHaveChanged(facts, cluster.release);
  const before = cluster.turn ?? (afterWebs ? flight.application : "the others");
  return waiting(`Waiting for its turn to change to Concourse ${version}, after ${before}`);
}

/** What works, with settings that have changed since. Before it has said so it may turn out to be the first. */
function restarting(facts: Facts): Status | null {
  const turn = clusterOf(facts)?.turn ?? null;
  const waits = isReady(facts) && facts.peers?.report?.restart === true && waitsForTurn(facts);
  return waits && turn !== facts.environment.unit
    ? waiting(`Waiting for its turn to restart, after ${turn ?? "the others"}`)
    : null;
}

function roleStatus(facts: Facts): Status {
  const role = roleOf(facts);
  if (role === "web") return webStatus(facts);
  return role === "worker" ? workerStatus(facts) : waiting("Waiting for the leader to place the web server");
}

function webStatus(facts: Facts): Status {
  const { options, local, database } = facts;
  const version = versionOf(local.current) ?? "?";
  if (isReady(facts)) return { status: "active", message: `Web server ready (v${version}) - port ${options.webPort}` };
  if (local.portTaken !== null) return blocked(portMessage(facts, local.portTaken));
  if (!facts.secret.content) return busy("Making keys and passwords");
  if (!database.answer) return waiting("Waiting for PostgreSQL to share its credentials");
  if (!local.agent?.database?.ready) return waiting("Waiting for PostgreSQL to answer");
  if (hasEmptyDatabase(facts))
    return busy("The database is new and empty: restarting the web server to make its tables");
  const problem = webAnswers(facts) ? local.agent.web?.problem : null;
  if (problem)
    return waiting(`Web server: ${problem.slice(0, 48)}: check PostgreSQL, then journalctl -u ${WEB_SERVICE}`);
  const ends = recentEnds(facts, WEB_SERVICE);
  if (ends > 0 && !webAnswers(facts))
    return blocked(`Web server keeps ending (${ends} restarts): ${lastWords(facts, WEB_SERVICE)}`);
  // One worker's key stops no web: it is told where nothing else is, and by `check-status` always.
  const ill = badKeys(facts);
  if (ill.length > 0) return blocked(`Unreadable worker key from ${counted(ill)}: juju resolved or remove that unit`);
  return busy(`Starting web server (v${version})`);
}

function portMessage({ environment, options }: Facts, port: number): string {
  const way = port === options.webPort ? `juju config ${environment.application} web-port=…, or end it` : "end it";
  return `Port ${port} is taken by another program on this machine: ${way} (ss -ltnp)`;
}

/** What the machine does not give: a worker that runs all the same fails every build. */
function wrongForBuilds({ local }: Facts): Status | null {
  const { installing = null, lacks = [] } = local.agent?.preflight ?? {};
  if (installing !== null) return busy(`Installing ${installing}`);
  const first = lacks.find(({ stops }) => stops !== "some");
  if (first) return blocked(`Builds cannot run: ${first.message}`);
  const { trial } = local.agent ?? {};
  const failed = trial && trial.pid === local.services[WORKER_SERVICE]?.pid ? trial.problem : null;
  return failed ? blocked(`Builds cannot run: ${failed}`) : null;
}

/** Restarts of the last ten minutes, if they are more than a mishap. */
const recentEnds = ({ local }: Facts, service: string): number => local.agent?.services[service]?.recent ?? 0;

/** Its last error, if it says one, and where more is told. */
function lastWords({ local }: Facts, service: string): string {
  const cause = local.agent?.services[service]?.cause;
  return `${cause === undefined ? "" : `${cause}; `}journalctl -u ${service}`;
}

function workerStatus(facts: Facts): Status {
  const { local, flight } = facts;
  const version = versionOf(local.current) ?? "?";
  const builds = wrongForBuilds(facts);
  if (builds) return builds;
  if (isReady(facts)) return { status: "active", message: `Worker ready (v${version})` };
  if (!local.agent?.workerPublicKey) return busy("Making the worker's key");
  const gateways = gatewaysOf(facts);
  if (flight && gateways.length === 0) return waiting(`Waiting for TSA connection info from ${flight.application}`);
  const name = flight?.application ?? clusterOf(facts)?.web ?? "the web server";
  if (!someAnswers(gateways)) return waiting(`Waiting for the web server on ${name}`);
  const ends = recentEnds(facts, WORKER_SERVICE);
  if (ends > 0) return blocked(`Worker keeps ending (${ends} restarts): ${lastWords(facts, WORKER_SERVICE)}`);
  if (!isWelcome(gateways, local.agent.workerPublicKey)) return waiting(`Waiting for ${name} to let this worker in`);
  return busy(`Starting worker (v${version})`);
}
