/** Sees to it that the unit's lease stands before the charm moves to a release; on the fetcher, those of others too. */
import { dropLeases, holdLeases, readLease, writeLease, type HeldLease } from "../../store/lease.ts";
import { withdrawMarks } from "../../store/trash.ts";
import type { Task } from "../runner.ts";
import { storeNeeds, withStore, type StoreNeeds, type TaskWorld } from "../world.ts";

interface Needs {
  readonly store: StoreNeeds;
  readonly releases: readonly string[];
  readonly writable: boolean;
}

/** While somebody else is to write it: one small file is read. */
const EXPECTING_MS = 250;
/** It stands: only a hand, or an application that gives it up, changes that; a clean-up that dies leaves its marks. */
const STANDING_MS = 5_000;

/** A unit that may not write waits for what a fetcher writes for it, and believes only what it reads. */
export function leaseTask(world: TaskWorld): Task<Needs> {
  return {
    name: "lease",
    rest: { lease: null },
    needs: (orders, findings) => {
      const store = storeNeeds(orders, findings);
      if (store === null || store === undefined) return store;
      return { store, releases: orders.store.lease.toSorted(), writable: findings.store.writable };
    },
    begin:
      ({ store, releases, writable }) =>
      async (io) => {
        if (writable) {
          // What is given up is told first, and orders are read once more: either they name it again by now, or the charm
          // finds it missing before it moves to it.
          const held = world.findings().lease;
          io.report({ lease: held && held.filter((name) => releases.includes(name)) });
          if (!(await world.agreed()) || io.signal.aborted) return null;
          await withStore(world, store, (opened) => writeLease(world.ports, opened, store.member, releases));
          io.report({ lease: releases });
          return null;
        }
        const lease = await withStore(world, store, (opened) => readLease(opened, store.member));
        io.report({ lease });
        return releases.every((name) => lease.includes(name)) ? STANDING_MS : EXPECTING_MS;
      },
  };
}

interface HoldNeeds {
  readonly store: StoreNeeds;
  readonly leases: readonly HeldLease[];
  readonly departed: readonly string[];
}

/**
 * Holds the leases of units that may not write, takes marks of clean-ups away for them, and ends the leases of units that
 * are gone.
 */
export function holdLeasesTask(world: TaskWorld): Task<HoldNeeds> {
  return {
    name: "holdLeases",
    rest: { leasing: [] },
    needs: (orders, findings) => {
      const store = storeNeeds(orders, findings);
      if (store === null || store === undefined) return store;
      const { leasesFor, departed = [] } = orders.store;
      return leasesFor !== undefined && findings.store.writable ? { store, leases: leasesFor, departed } : null;
    },
    begin:
      ({ store, leases, departed }) =>
      async (io) => {
        await withStore(world, store, async (opened) => {
          await holdLeases(world.ports, opened, leases);
          io.report({ leasing: await dropLeases(opened, departed) });
          await withdrawMarks(
            opened,
            leases.flatMap(({ releases }) => releases ?? []),
          );
        });
        return STANDING_MS;
      },
  };
}
