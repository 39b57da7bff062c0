import { hostPorts } from "../host/ports.ts";
import { orNull, using } from "../store/files.ts";
import { PARTIAL, parseReleaseName, RELEASES } from "../store/layout.ts";
import { readLeases } from "../store/lease.ts";
import { readHolder } from "../store/partial.ts";
import { openStore } from "../store/store.ts";
import type { Store } from "../store/types.ts";
import type { Facts } from "./facts.ts";

/** The store as this unit sees it at this moment, for a person. Reads only. */
export async function describeStore(facts: Facts): Promise<Record<string, string | Record<string, string>>> {
  const { orders, current } = facts.local;
  if (!orders) return { mounted: "false", problem: "this unit's agent has no orders yet" };
  const { state, store } = await openStore(hostPorts, { ...orders.store, mayCreate: false }, facts.local.agent?.store);
  const seen = {
    mounted: String(state.mounted),
    id: state.id ?? "none",
    writable: String(state.writable),
    problem: state.problem?.message ?? "none",
    running: current ?? "none",
  };
  if (!store) return seen;
  try {
    return { ...seen, ...(await contents(store)) };
  } finally {
    await store.close();
  }
}

async function contents(store: Store): Promise<Record<string, string | Record<string, string>>> {
  const [releases, leases, holder, space] = await Promise.all([
    listing(store, RELEASES),
    readLeases(store),
    orNull("ENOENT", store.root.openDirectory(PARTIAL)).then(
      (partial) => partial && using(partial, () => readHolder(partial)),
    ),
    store.root.space(),
  ]);
  return {
    releases: releases.filter((name) => parseReleaseName(name) !== null).join(", ") || "none",
    leases: Object.fromEntries(leases.map(({ member, releases: names }) => [member, names.join(", ") || "none"])),
    fetching: holder ? `${holder.version} by ${holder.member}` : "nobody",
    "free-bytes": String(space.free),
  };
}

async function listing(store: Store, name: string): Promise<string[]> {
  const directory = await orNull("ENOENT", store.root.openDirectory(name));
  return directory ? using(directory, () => directory.list()) : [];
}
