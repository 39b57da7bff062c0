import { TSA_PORT } from "../concourse/settings.ts";
import { publicLine } from "../concourse/ssh-keys.ts";
import {
  readWebApplicationBag,
  readWebBag,
  readWorkerBag,
  WEB_KEYS,
  WORKER_KEYS,
  writeWebApplicationBag,
  writeWebBag,
  writeWorkerBag,
} from "../relations/tsa.ts";
import { damageForWeb } from "./damage.ts";
import {
  clusterOf,
  memberName,
  roleIn,
  roleOf,
  urlHost,
  type Bag,
  type Facts,
  type Flight,
  type Tsa,
} from "./facts.ts";
import { askedOfWeb } from "./leases.ts";
import { relatedApplications } from "./orders.ts";
import { welcome } from "./welcome.ts";
import { workersBehind } from "./worker-keys.ts";

/** Something to write into a bag of a relation with another application. An empty value takes its key back. */
export interface Word {
  readonly relation: string;
  readonly bag: "unit" | "application";
  readonly data: Bag;
}

/** What is to be told behind `tsa` and `flight` and differs from what was: every word there is a hook on every unit. */
export function wordsToOthers(facts: Facts): Word[] {
  const cluster = clusterOf(facts);
  if (!cluster) return [];
  const toWorkers = facts.tsa.flatMap((tsa): Word[] => [
    ...changed(tsa.relation, "unit", WEB_KEYS, webBag(facts, tsa), tsa.told),
    ...(tsa.toldForAll
      ? changed(tsa.relation, "application", WEB_KEYS, webApplicationBag(facts, tsa), tsa.toldForAll)
      : []),
  ]);
  const { flight } = facts;
  return flight
    ? [...toWorkers, ...changed(flight.relation, "unit", WORKER_KEYS, workerBag(facts, flight), flight.told)]
    : toWorkers;
}

/** Null: nothing to say, and nothing to take back. */
function changed(relation: string, bag: Word["bag"], keys: readonly string[], wanted: Bag | null, told: Bag): Word[] {
  if (wanted === null) return [];
  const data = Object.fromEntries(
    keys.filter((key) => (wanted[key] ?? "") !== (told[key] ?? "")).map((key) => [key, wanted[key] ?? ""]),
  );
  return Object.keys(data).length > 0 ? [{ relation, bag, data }] : [];
}

/** The workers behind it have shown that they are ours: those of another charm restart at every change of this bag. */
const areOurs = ({ workers }: Tsa): boolean => workers.some(({ word }) => word !== null);

function webBag(facts: Facts, tsa: Tsa): Bag | null {
  if (roleOf(facts) !== "web") return {};
  const secret = facts.secret.content;
  if (!secret || !tsa.address) return null;
  const before = readWebBag(tsa.told)?.word ?? null;
  const word = { running: facts.local.current, ...welcome(facts, workersBehind(tsa), before) };
  return writeWebBag(hostsFor(facts, tsa.address), publicLine(secret["tsa-host-key"]), areOurs(tsa) ? word : null);
}

/**
 * All webs of the application, in an order that all agree on: a worker of the other charm takes the value of one unit as it
 * is, and outlives that unit if others are named too.
 */
function hostsFor(facts: Facts, own: string): string[] {
  const cluster = clusterOf(facts);
  const others = (facts.peers?.others ?? []).flatMap(({ unit, address, report }) =>
    address && report?.web && cluster && roleIn(cluster, unit) === "web" ? [{ unit, address }] : [],
  );
  return [{ unit: facts.environment.unit, address: own }, ...others]
    .toSorted((a, b) => numberOf(a.unit) - numberOf(b.unit))
    .map(({ address }) => `${urlHost(address)}:${TSA_PORT}`);
}

const numberOf = (unit: string): number => Number(unit.split("/")[1]);

function webApplicationBag(facts: Facts, tsa: Tsa): Bag | null {
  const cluster = clusterOf(facts);
  if (!cluster || cluster.mode === "worker") return {};
  // It is kept true while nobody is there to read it: the next worker of ours goes by it before anything else.
  const known = areOurs(tsa) || readWebApplicationBag(tsa.toldForAll ?? {}) !== null;
  if (!known) return null;
  const { release, store, mode, web } = cluster;
  const applications = store === null ? [] : relatedApplications(facts);
  return writeWebApplicationBag({ release, store, applications, web: mode === "auto" ? web : null });
}

function workerBag(facts: Facts, { told }: Flight): Bag {
  if (clusterOf(facts)?.mode !== "worker") return {};
  return writeWorkerBag(facts.local.agent?.workerPublicKey ?? readWorkerBag(told).key, {
    name: memberName(facts.environment),
    running: facts.local.current,
    lease: askedOfWeb(facts),
    ...damageForWeb(facts),
  });
}
