import { hostPorts } from "../host/ports.ts";
import { openStore } from "../store/store.ts";
import { surveyStore, type Survey } from "../store/survey.ts";
import { damagedCopies } from "./damage.ts";
import type { Facts } from "./facts.ts";
import { named } from "./status-words.ts";

/** The store as this unit sees it at this moment, for a person. */
export async function describeStore(facts: Facts): Promise<Record<string, string | Record<string, string>>> {
  const { orders, agent, current } = facts.local;
  if (!orders) return { mounted: "false", problem: "this unit's agent has no orders yet" };
  const { state, store } = await openStore(hostPorts, { ...orders.store, mayCreate: false }, agent?.store);
  const problem = state.problem ?? agent?.fetchProblem ?? agent?.problems["cleanUp"];
  const seen = {
    mounted: String(state.mounted),
    id: state.id ?? "none",
    writable: String(state.writable),
    problem: problem ? named(problem.message, facts) : "none",
    running: current ?? "none",
  };
  if (!store) return seen;
  try {
    const damaged = new Set([...damagedCopies(facts), ...(agent?.damaged ?? []).map(({ release }) => release)]);
    return { ...seen, damaged: [...damaged].join(", ") || "none", ...inWords(await surveyStore(hostPorts, store)) };
  } finally {
    await store.close();
  }
}

function inWords(survey: Survey): Record<string, string | Record<string, string>> {
  const { releases, leases, locked, holder, fetched, leftovers, free, total } = survey;
  const progress = holder?.total
    ? `: ${Math.floor((100 * fetched) / holder.total)}% of ${megabytes(holder.total)}`
    : "";
  return {
    releases: releases.map(({ name }) => name).join(", ") || "none",
    "release-sizes": releases.map(({ name, bytes }) => `${name} ${megabytes(bytes)}`).join(", ") || "none",
    leases:
      typeof leases === "string"
        ? leases
        : Object.fromEntries(leases.map(({ member, releases: names }) => [member, names.join(", ") || "none"])),
    lock: locked === null ? "unknown: the mount is read-only" : locked ? "held" : "free",
    fetching: holder ? `${holder.version} by ${holder.member}${progress}` : "nobody",
    unfinished:
      leftovers
        .map(({ path, bytes, age }) => `${path} ${megabytes(bytes)}, touched ${Math.round(age / 60_000)} min ago`)
        .join("; ") || "none",
    "free-bytes": String(free),
    "total-bytes": String(total),
  };
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
