/** Writes the unit's lease before the charm moves to a release. */
import { writeLease } from "../../store/lease.ts";
import type { Task } from "../runner.ts";
import { storeNeeds, withStore, type StoreNeeds, type TaskWorld } from "../world.ts";

interface Needs {
  readonly store: StoreNeeds;
  readonly releases: readonly string[];
}

/** A unit that may not write leaves its lease to its application's fetcher. */
export function leaseTask(world: TaskWorld): Task<Needs> {
  return {
    name: "lease",
    rest: { lease: null },
    needs: (orders, findings) => {
      const store = storeNeeds(orders, findings);
      if (store === null || store === undefined) return store;
      return findings.store.writable ? { store, releases: orders.store.lease.toSorted() } : null;
    },
    begin:
      ({ store, releases }) =>
      async (io) => {
        await withStore(world, store, (opened) => writeLease(world.ports, opened, store.member, releases));
        io.report({ lease: releases });
        return null;
      },
  };
}
