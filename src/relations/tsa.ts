import type { Damage, Target } from "../agent/contract.ts";
import { aLease, anApplicationName, aReleaseName, aString, aTarget, aWorkerName } from "./json.ts";
import { listOf, nullOr, orAbsent, parse, shape, write } from "./json.ts";
import { someDamage, welcomeFields, type Welcome } from "./peers.ts";

/**
 * The relation of a web application (`tsa`) with a worker application (`flight`), interface `concourse-ci_tsa`.
 *
 * The plain keys are those of the charm `concourse-ci-machine` on Charmhub (revision of 2026-01, src/charm.py): unit bags
 * only, one side's `tsa-host` and `tsa-public-key`, the other's `worker-public-key`. Both sides work with that charm alone.
 * What our own applications tell each other besides is one JSON value a bag, under `web` and `worker`. The web's are only
 * written where the other side has shown that it is ours: that charm restarts its workers at every change of a web's bag.
 */

/** A web's unit bag. */
export interface WebBag {
  /** `host:port`, several separated by commas; as it was written. */
  readonly hosts: string;
  /** Public host keys of the TSA, one a line; as they were written. */
  readonly hostKeys: string;
  /** Version that the other charm's workers would follow. Ours never writes it (docs/decisions/0013). */
  readonly version: string | null;
  /** Null from a web that is not ours, or that has not said anything yet. */
  readonly word: WebWord | null;
}

/** What a web of ours says of itself and of the workers behind this relation. */
export interface WebWord extends Welcome {
  /** Release directory name it runs from; null before the first. */
  readonly running: string | null;
}

/** What the leader of our web application says, in its application bag. */
export interface WebApplicationWord {
  /** The release that is committed there. */
  readonly release: Target | null;
  /** Id of the shared store there; null with private ones. */
  readonly store: string | null;
  /** Names on that store of all applications that may use it: itself and those behind `tsa`. Absent: none but itself. */
  readonly applications?: readonly string[];
  /** The only unit that is a web; null if several may be, absent if it does not say. */
  readonly web?: string | null;
}

/** A worker's unit bag. */
export interface WorkerBag {
  /** `ssh-rsa …`, as it was written. */
  readonly key: string | null;
  /** Null from a worker that is not ours. */
  readonly word: WorkerWord | null;
}

export interface WorkerWord {
  /** Its name in Concourse. */
  readonly name: string;
  readonly running: string | null;
  /** Releases that the web application's fetcher has to lease for it: its mount of the shared store is read-only. */
  readonly lease: readonly string[] | null;
  /** Copies of the release on the store that both have which this unit has found damaged; absent: none. */
  readonly damaged?: readonly Damage[];
}

type Bag = Readonly<Record<string, string>>;

const HOSTS = "tsa-host";
const HOST_KEYS = "tsa-public-key";
const WORKER_KEY = "worker-public-key";
const WEB_WORD = "web";
const WORKER_WORD = "worker";

/** What each side writes: absent keys are taken back. */
export const WEB_KEYS = [HOSTS, HOST_KEYS, WEB_WORD] as const;
export const WORKER_KEYS = [WORKER_KEY, WORKER_WORD] as const;

/** Null from a unit that has no address and key to offer yet. */
export function readWebBag(bag: Bag): WebBag | null {
  const [hosts, hostKeys] = [bag[HOSTS], bag[HOST_KEYS]];
  if (hosts === undefined || hostKeys === undefined) return null;
  const word = parse<WebWord>(bag[WEB_WORD], isWebWord);
  return { hosts, hostKeys, version: readVersion(bag["concourse-version"]), word };
}

export function writeWebBag(hosts: readonly string[], hostKey: string, word: WebWord | null): Bag {
  return { [HOSTS]: hosts.join(","), [HOST_KEYS]: hostKey, ...(word ? { [WEB_WORD]: write(word) } : {}) };
}

export function readWebApplicationBag(bag: Bag): WebApplicationWord | null {
  return parse(bag[WEB_WORD], isWebApplicationWord);
}

export function writeWebApplicationBag(word: WebApplicationWord): Bag {
  return { [WEB_WORD]: write(word) };
}

export function readWorkerBag(bag: Bag): WorkerBag {
  return { key: bag[WORKER_KEY] ?? null, word: parse(bag[WORKER_WORD], isWorkerWord) };
}

export function writeWorkerBag(key: string | null, word: WorkerWord): Bag {
  return { ...(key ? { [WORKER_KEY]: key } : {}), [WORKER_WORD]: write(word) };
}

/** `10.0.0.5:2222,[fd00::1]:2222` → hosts with ports; what is neither a name nor an address is left out. */
export function parseGateways(text: string): { host: string; port: number }[] {
  return text
    .split(",")
    .map((part) => /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+))(?::(\d{1,5}))?$/.exec(part.trim()))
    .filter((match) => match !== null)
    .map((match) => ({ host: match[1] ?? match[2] ?? "", port: Number(match[3] ?? 2222) }))
    .filter(({ port }) => port > 0 && port < 65_536);
}

/** It becomes part of a URL and of a path. */
const readVersion = (text: string | undefined): string | null => /^v?(\d+\.\d+\.\d+)$/.exec(text ?? "")?.[1] ?? null;

const isWebWord = shape({ ...welcomeFields, running: nullOr(aReleaseName) });
const isWebApplicationWord = shape({
  release: nullOr(aTarget),
  store: nullOr(aString),
  applications: orAbsent(listOf(anApplicationName)),
  web: orAbsent(nullOr(aString)),
});
const isWorkerWord = shape({
  name: aWorkerName,
  running: nullOr(aReleaseName),
  lease: aLease,
  damaged: orAbsent(someDamage),
});
