import type { Damage, Target } from "../agent/contract.ts";
import {
  aBoolean,
  aCount,
  aDigest,
  aLease,
  aReleaseName,
  aString,
  aTarget,
  listOf,
  nullOr,
  oneOf,
  orAbsent,
  parse,
  shape,
  write,
  type Check,
} from "./json.ts";

/**
 * The `peers` relation: what the leader has decided (application bag) and what each unit has done (unit bag), each as one
 * JSON value, so that a reader sees all of a decision or none of it.
 */

/** `auto`: one web, all others workers. `web`, `worker`: every unit of the application. */
export type Mode = "auto" | "web" | "worker";

/** The leader's decisions. Each change raises `generation`. */
export interface Cluster {
  readonly generation: number;
  readonly mode: Mode;
  readonly release: Target | null;
  /** Releases that were agreed on, this one among them: what is right of them is known without asking anybody. */
  readonly committed: readonly Committed[];
  /** Copies of `release` that nobody is to use: a new one is published beside them. */
  readonly damaged: readonly Damage[];
  /** Id of the shared store; null with private stores. */
  readonly store: string | null;
  /** The unit that fetches releases for all; null where the related application does it on the same store. */
  readonly fetcher: string | null;
  /** `auto`: the unit that runs the web. `web`: the one by whose address people reach it. `worker`: none. */
  readonly web: string | null;
  /** The unit whose turn it is to change to `release`, or to restart for changed settings. */
  readonly turn: string | null;
}

/** A release as it was agreed on. */
export interface Committed extends Target {
  readonly manifestSha256: string;
  /** Name of the directory that it was last run from. */
  readonly directory: string;
}

/** What a unit says of itself. */
export interface UnitReport {
  /** The highest generation it has followed. */
  readonly generation: number;
  /** Release directory name its services run from; null before the first. */
  readonly running: string | null;
  /** False while it is this unit's turn and its service does not do its work yet with the release it runs. */
  readonly ready: boolean;
  /** Its service does its work and has to restart for changed settings: it waits for its turn. Absent: it need not. */
  readonly restart?: boolean;
  readonly store: { readonly id: string; readonly writable: boolean } | null;
  /** A release this unit has fetched and published, or found published while it was the fetcher or led. */
  readonly published: { readonly name: string; readonly sha256: string; readonly manifestSha256: string } | null;
  /** Copies of the release that this unit has found damaged on the shared store. */
  readonly damaged: readonly Damage[];
  /** Worker's name in Concourse, and its public key. */
  readonly worker: { readonly name: string; readonly key: string } | null;
  /** Releases that the fetcher has to lease for it: its own mount is read-only. Null: it does so itself. */
  readonly lease: readonly string[] | null;
  /** Set while it runs a web. */
  readonly web: WebReport | null;
}

/** What a web tells the workers it knows of through one relation, about them and nobody else. */
export interface Welcome {
  readonly answering: boolean;
  /** Fingerprints of the worker keys it lets in. */
  readonly authorised: readonly string[];
  /** The workers that are registered and running. */
  readonly workers: readonly Registration[];
}

export interface WebReport extends Welcome {
  /** Public TSA host key, `ssh-rsa …`. */
  readonly hostKey: string;
}

export interface Registration {
  readonly name: string;
  /** When the registered process began, by its machine's clock, in seconds since 1970; null if that is not known. */
  readonly since: number | null;
}

export const NO_CLUSTER: Cluster = {
  generation: 0,
  mode: "auto",
  release: null,
  committed: [],
  damaged: [],
  store: null,
  fetcher: null,
  web: null,
  turn: null,
};

const CLUSTER_KEY = "cluster";
const SECRET_KEY = "cluster-secret";
const REPORT_KEY = "unit";

export interface ApplicationBag {
  readonly cluster: Cluster | null;
  /** URI of the cluster's Juju secret. */
  readonly secret: string | null;
}

export function readApplicationBag(bag: Readonly<Record<string, string>>): ApplicationBag {
  return { cluster: asCluster(parse(bag[CLUSTER_KEY], isCluster)), secret: bag[SECRET_KEY] ?? null };
}

/** What an earlier version of the charm wrote lacks what it did not know of. */
export const asCluster = (written: Partial<Cluster> | null): Cluster | null => written && { ...NO_CLUSTER, ...written };

export function writeApplicationBag({ cluster, secret }: ApplicationBag): Record<string, string> {
  return {
    ...(cluster ? { [CLUSTER_KEY]: write(cluster) } : {}),
    ...(secret ? { [SECRET_KEY]: secret } : {}),
  };
}

/** Garbage reads as null: a unit that says nothing. */
export function readReport(bag: Readonly<Record<string, string>>): UnitReport | null {
  return parse(bag[REPORT_KEY], isReport);
}

export function writeReport(report: UnitReport): Record<string, string> {
  return { [REPORT_KEY]: write(report) };
}

/** The address Juju itself puts into each unit's bag. */
export function addressOf(bag: Readonly<Record<string, string>>): string | null {
  return bag["ingress-address"] ?? bag["private-address"] ?? null;
}

/** What a unit may name as damaged: a long list is no honest one. */
export const someDamage = listOf(shape({ release: aReleaseName, programs: aBoolean }), 8);

const isAgreed = shape({ manifestSha256: aDigest, directory: aReleaseName });

const isCluster = shape({
  generation: aCount,
  mode: oneOf("auto", "web", "worker"),
  release: nullOr(aTarget),
  committed: orAbsent(listOf((value) => aTarget(value) && isAgreed(value))),
  damaged: someDamage,
  store: nullOr(aString),
  fetcher: nullOr(aString),
  web: nullOr(aString),
  turn: nullOr(aString),
});

/** What both relations tell of a web's workers. */
export const welcomeFields: Readonly<Record<string, Check>> = {
  answering: aBoolean,
  authorised: listOf(aString),
  workers: listOf(shape({ name: aString, since: nullOr(aCount) })),
};

const isWebReport = shape({ ...welcomeFields, hostKey: aString });

const isReport = shape({
  generation: aCount,
  running: nullOr(aString),
  ready: aBoolean,
  restart: orAbsent(aBoolean),
  store: nullOr(shape({ id: aString, writable: aBoolean })),
  published: nullOr(shape({ name: aReleaseName, sha256: aDigest, manifestSha256: aDigest })),
  damaged: someDamage,
  worker: nullOr(shape({ name: aString, key: aString })),
  lease: aLease,
  web: nullOr(isWebReport),
});
