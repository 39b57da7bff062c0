/** Removes releases that nobody needs any more, when the charm says that no unit is on its way to one. */
import { cleanUp } from "../../store/cleanup.ts";
import type { Task } from "../runner.ts";
import { storeNeeds, withStore, type StoreNeeds, type TaskWorld } from "../world.ts";

interface Needs {
  readonly store: StoreNeeds;
  readonly keep: readonly string[];
}

/** Somebody else has the lock. */
const HELD_MS = 60_000;
/** Only what was left behind and has grown old meanwhile. */
const AGAIN_MS = 60 * 60 * 1000;

export function cleanUpTask(world: TaskWorld): Task<Needs> {
  const { ports } = world;
  return {
    name: "cleanUp",
    rest: {},
    needs: (orders, findings) => {
      const store = storeNeeds(orders, findings);
      if (store === null || store === undefined) return store;
      const { cleanUp: ordered = false, keep, lease } = orders.store;
      return ordered && findings.store.writable ? { store, keep: [...keep, ...lease].toSorted() } : null;
    },
    begin:
      ({ store: needs, keep }) =>
      async () => {
        const done = await withStore(world, needs, (store) => cleanUp(ports, store, { keep, dryRun: false }));
        if (done === null) return HELD_MS;
        if (done.removed.length > 0) ports.log(`removed ${done.removed.join(", ")}: ${done.bytes} bytes`);
        return AGAIN_MS;
      },
  };
}
