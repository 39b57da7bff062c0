/** Which changes of the state wake the charm. Everything else is written for whoever reads the state anyway. */
import { isDeepStrictEqual } from "node:util";
import type { AgentState, FetchState, Orders, WebState } from "./contract.ts";

interface Row {
  /** What the charm is told about. */
  readonly what: string;
  /** The part of the state whose change wakes it. */
  readonly part: (state: AgentState, orders: Orders) => unknown;
}

/**
 * | wakes | does not wake |
 * | --- | --- |
 * | store: mounted, id, writable, problem | |
 * | lease written | |
 * | an answer to `resolve` | |
 * | fetch: waiting, and for whom | bytes, total, rate; downloading, unpacking, published (the release tells), failed (its problem tells) |
 * | why fetch or adoption failed | |
 * | release: found, verified, gone | the same while no manifest is committed and this unit is not the fetcher: nobody can act on it |
 * | a copy found damaged | |
 * | worker key, cluster secret made | |
 * | preflight, trial of the worker | |
 * | database: ready, host, port, problem | |
 * | web: api, database, version, running workers; why its database part fails | why the API is silent |
 * | probe: silent or not | |
 * | services: active state, main process, restarts, whether it keeps ending and why (between two looks the rest may be as it was); at most every 10 s if that is all | |
 * | problems of other tasks, program | sequence |
 */
export const ROWS: readonly Row[] = [
  { what: "program", part: (state) => state.program },
  { what: "store", part: (state) => state.store },
  { what: "lease", part: (state) => state.lease },
  { what: "resolved", part: (state) => state.resolved },
  { what: "fetch", part: (state) => fetchPart(state.fetch) },
  { what: "fetch problem", part: (state) => state.fetchProblem },
  { what: "release", part: (state, orders) => (canAdopt(orders) ? state.release : null) },
  { what: "damage", part: (state) => state.damaged },
  { what: "worker key", part: (state) => state.workerPublicKey },
  { what: "preflight", part: (state) => state.preflight },
  { what: "trial", part: (state) => state.trial ?? null },
  { what: "cluster secret", part: (state) => state.clusterSecretReady },
  { what: "database", part: (state) => state.database },
  { what: "web", part: (state) => webPart(state.web) },
  { what: "probe", part: (state) => state.probe },
  { what: "services", part: (state) => servicesPart(state) },
  { what: "problems", part: (state) => state.problems },
];

/**
 * What the charm should look at, given that it has acted on `before`: names of rows, none if it knows everything.
 * With `before` null nothing is known of what it acted on, and all of it matters.
 */
export function matters(before: AgentState | null, after: AgentState, orders: Orders): string[] {
  return ROWS.filter(
    ({ part }) => before === null || !isDeepStrictEqual(part(before, orders), part(after, orders)),
  ).map(({ what }) => what);
}

/** True if none of these rows presses: a service that crashes again and again has a new main process each time. */
export function canWait(news: readonly string[]): boolean {
  return news.every((what) => what === "services");
}

function canAdopt(orders: Orders): boolean {
  return orders.fetch || (orders.target !== null && orders.target.manifestSha256 !== null);
}

function fetchPart(fetch: FetchState | null): unknown {
  return fetch?.step === "waiting" ? { version: fetch.version, holder: fetch.holder } : null;
}

function webPart(web: WebState | null): unknown {
  return web === null || web.api ? web : { ...web, problem: null };
}

function servicesPart(state: AgentState): unknown {
  return Object.entries(state.services).map(([name, { active, mainPid, restarts, recent = 0, cause }]) => [
    name,
    active,
    mainPid,
    restarts,
    recent > 0,
    cause,
  ]);
}
