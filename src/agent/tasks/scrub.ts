/** Reads all of the release that is in use, slowly: what `bin/` does not cover. */
import { findRelease, verifyRelease } from "../../store/release.ts";
import type { Target } from "../contract.ts";
import { Fault } from "../fault.ts";
import type { Task } from "../runner.ts";
import { storeNeeds, withStore, type StoreNeeds, type TaskWorld } from "../world.ts";

interface Needs {
  readonly target: Target;
  readonly store: StoreNeeds;
}

/** Services start first. */
const HEAD_START_MS = 30_000;
/** Rests nine times as long as it reads. */
const REST_FACTOR = 9;
const AGAIN_AFTER_DAMAGE_MS = 600_000;

export function scrubTask(world: TaskWorld): Task<Needs> {
  const { ports } = world;
  return {
    name: "scrub",
    rest: {},
    needs: (orders, findings) => {
      const { release } = findings;
      if (orders.target === null || release === null || !release.verified) return null;
      const store = storeNeeds(orders, findings);
      if (store === null || store === undefined) return store;
      return { target: { ...orders.target, manifestSha256: release.manifestSha256 }, store };
    },
    begin:
      ({ target, store: needs }) =>
      async (io) => {
        await ports.clock.sleep(HEAD_START_MS, io.signal);
        if (io.signal.aborted) return null;
        return withStore(world, needs, async (store) => {
          const release = await findRelease(ports, store, target);
          if (release === null) return null;
          let since = ports.clock.steady();
          const problem = await verifyRelease(ports, store, release, "all", async () => {
            await ports.clock.sleep((ports.clock.steady() - since) * REST_FACTOR, io.signal);
            io.signal.throwIfAborted();
            since = ports.clock.steady();
          });
          if (problem !== null) throw new Fault(problem, AGAIN_AFTER_DAMAGE_MS);
          return null;
        });
      },
  };
}
