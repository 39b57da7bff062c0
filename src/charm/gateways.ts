import { createHash } from "node:crypto";
import { TSA_NAME, TSA_PORT } from "../concourse/settings.ts";
import { fingerprint } from "../concourse/ssh-keys.ts";
import type { Welcome } from "../relations/peers.ts";
import { parseGateways } from "../relations/tsa.ts";
import { clusterOf, memberName, webPeer, type Facts } from "./facts.ts";
import { isAddress } from "./options.ts";
import { readKey } from "./worker-keys.ts";

/** A web as a worker meets it: a peer of the same application, or a unit behind `flight`. */
export interface Gateway {
  readonly unit: string;
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** Host keys, each in its plain form; null for one that cannot be read. */
  readonly hostKeys: readonly (string | null)[];
  /** Null from a web of another charm, which says nothing of its workers. */
  readonly welcome: Welcome | null;
}

/** The webs this unit's worker may register with, those with an address and a key. */
export function gatewaysOf(facts: Facts): Gateway[] {
  if (clusterOf(facts)?.mode === "worker") {
    return (facts.flight?.webs ?? [])
      .map(({ unit, hosts, hostKeys, word }) => ({
        unit,
        hosts: parseGateways(hosts),
        hostKeys: hostKeys
          .split("\n")
          .filter((line) => line.trim() !== "")
          .map(readKey),
        welcome: word,
      }))
      .filter(({ hosts }) => hosts.length > 0);
  }
  const web = webPeer(facts);
  const said = web?.report?.web;
  return web?.address && said
    ? [
        {
          unit: web.unit,
          hosts: [{ host: web.address, port: TSA_PORT }],
          hostKeys: [readKey(said.hostKey)],
          welcome: said,
        },
      ]
    : [];
}

/**
 * How the worker reaches them. All that are plain addresses on the usual port go by one name of our own, so that a web that
 * comes, goes or moves restarts no worker: Concourse dials every address of a name in turn, but reads its list of hosts only
 * once (Concourse 7.14, tsa/client.go). Anything else is handed on as it came.
 */
export function routesTo(facts: Facts, gateways: readonly Gateway[]): { addresses: string[]; tsaHosts: string[] } {
  const hosts = gateways.flatMap((gateway) => gateway.hosts);
  const isUsual = ({ host, port }: (typeof hosts)[number]): boolean => isAddress(host) && port === TSA_PORT;
  const named = hosts.filter(isUsual).map(({ host }) => host);
  const others = hosts
    .filter((host) => !isUsual(host))
    .map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`);
  return {
    addresses: [...new Set(named)].toSorted(byDistance(memberName(facts.environment))),
    tsaHosts: [...(named.length > 0 ? [`${TSA_NAME}:${TSA_PORT}`] : []), ...new Set(others)].toSorted(),
  };
}

/** Names are dialled in order: each worker has an order of its own, which adding or removing an address keeps. */
function byDistance(member: string): (a: string, b: string) => number {
  const distance = (address: string): string => createHash("sha256").update(`${member} ${address}`).digest("hex");
  return (a, b) => (distance(a) < distance(b) ? -1 : 1);
}

/** Every host key that a gateway may show, one a line. */
export const hostKeysOf = (gateways: readonly Gateway[]): string[] =>
  [...new Set(gateways.flatMap(({ hostKeys }) => hostKeys.filter((key) => key !== null)))].toSorted();

/** Webs whose host key cannot be read. */
export const badGateways = (gateways: readonly Gateway[]): string[] =>
  gateways.filter(({ hostKeys }) => hostKeys.includes(null)).map(({ unit }) => unit);

/** Some web answers: one that says nothing of itself is taken to. */
export const someAnswers = (gateways: readonly Gateway[]): boolean =>
  gateways.some(({ welcome }) => welcome?.answering ?? true);

/** Some web that answers lets this key in, or does not say whom it lets in. */
export function isWelcome(gateways: readonly Gateway[], key: string): boolean {
  const mine = fingerprint(key);
  return gateways.some(({ welcome }) => welcome === null || (welcome.answering && welcome.authorised.includes(mine)));
}

/**
 * Some web lists this worker. A registration that is older than the process is its predecessor's: a web keeps those for a
 * while.
 *
 * @param began when the process began, in seconds since 1970
 */
export const isRegistered = (gateways: readonly Gateway[], name: string, began: number): boolean =>
  gateways.some(({ welcome }) => welcome === null || (welcome.answering && lists(welcome, name, began)));

/** As far as its webs have told: the last word of one that is silent counts. */
export const wasRegistered = (gateways: readonly Gateway[], name: string, began: number): boolean =>
  gateways.some(({ welcome }) => welcome === null || lists(welcome, name, began));

function lists({ workers }: Welcome, name: string, began: number): boolean {
  const found = workers.find((worker) => worker.name === name);
  return found !== undefined && (found.since ?? began) >= began;
}
