import type { Target } from "../agent/contract.ts";

/**
 * The `peers` relation: what the leader has decided (application bag) and what each unit has done (unit bag), each as one
 * JSON value, so that a reader sees all of a decision or none of it.
 */

/** The leader's decisions. Each change raises `generation`. */
export interface Cluster {
  readonly generation: number;
  readonly release: Target | null;
  /** Id of the shared store; null with private stores. */
  readonly store: string | null;
  /** The unit that fetches releases for all. */
  readonly fetcher: string | null;
  /** The unit that runs the web. */
  readonly web: string | null;
  /** During a roll-out: the unit whose turn it is to change to `release`. */
  readonly turn: string | null;
}

/** What a unit says of itself. */
export interface UnitReport {
  /** The highest generation it has followed. */
  readonly generation: number;
  /** Release directory name its services run from; null before the first. */
  readonly running: string | null;
  /** False while it is this unit's turn and its service does not do its work yet with the release it runs. */
  readonly ready: boolean;
  readonly store: { readonly id: string; readonly writable: boolean } | null;
  /** A release this unit has fetched and published, or found published while it was the fetcher or led. */
  readonly published: { readonly sha256: string; readonly manifestSha256: string } | null;
  /** Worker's name in Concourse, and its public key. */
  readonly worker: { readonly name: string; readonly key: string } | null;
  /** Set while it runs the web. */
  readonly web: WebReport | null;
}

export interface WebReport {
  readonly answering: boolean;
  /** Public TSA host key, `ssh-rsa …`. */
  readonly hostKey: string;
  /** Fingerprints of the worker keys it lets in. */
  readonly authorised: readonly string[];
  /** The workers that are registered and running. */
  readonly workers: readonly Registration[];
}

export interface Registration {
  readonly name: string;
  /** When the registered process began, by its machine's clock, in seconds since 1970; null if that is not known. */
  readonly since: number | null;
}

export const NO_CLUSTER: Cluster = { generation: 0, release: null, store: null, fetcher: null, web: null, turn: null };

const SCHEMA = 1;
const CLUSTER_KEY = "cluster";
const SECRET_KEY = "cluster-secret";
const REPORT_KEY = "unit";

export interface ApplicationBag {
  readonly cluster: Cluster | null;
  /** URI of the cluster's Juju secret. */
  readonly secret: string | null;
}

export function readApplicationBag(bag: Readonly<Record<string, string>>): ApplicationBag {
  return { cluster: parse(bag[CLUSTER_KEY], isCluster), secret: bag[SECRET_KEY] ?? null };
}

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

const write = (value: object): string => JSON.stringify({ schema: SCHEMA, ...value });

function parse<T>(text: string | undefined, is: (value: Fields) => boolean): T | null {
  if (text === undefined) return null;
  try {
    const { schema, ...value } = JSON.parse(text) as Fields;
    return schema === SCHEMA && is(value) ? (value as T) : null;
  } catch {
    return null;
  }
}

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const aString: Check = (value) => typeof value === "string";
const aBoolean: Check = (value) => typeof value === "boolean";
const aCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const aDigest: Check = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
const nullOr =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const shape =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries(fields).every(([key, check]) => check((value as Fields)[key]));

const isCluster = shape({
  generation: aCount,
  release: nullOr(
    shape({
      // These become part of paths and URLs: nothing but what they are.
      version: (value) => typeof value === "string" && /^\d+\.\d+\.\d+$/.test(value),
      arch: (value) => value === "amd64" || value === "arm64",
      sha256: aDigest,
      manifestSha256: nullOr(aDigest),
    }),
  ),
  store: nullOr(aString),
  fetcher: nullOr(aString),
  web: nullOr(aString),
  turn: nullOr(aString),
});

const isWebReport = shape({
  answering: aBoolean,
  hostKey: aString,
  authorised: listOf(aString),
  workers: listOf(shape({ name: aString, since: nullOr(aCount) })),
});

const isReport = shape({
  generation: aCount,
  running: nullOr(aString),
  ready: aBoolean,
  store: nullOr(shape({ id: aString, writable: aBoolean })),
  published: nullOr(shape({ sha256: aDigest, manifestSha256: aDigest })),
  worker: nullOr(shape({ name: aString, key: aString })),
  web: nullOr(isWebReport),
});
