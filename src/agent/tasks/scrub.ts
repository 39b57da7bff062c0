/** Reads through the release that is in use, one file now and then: what no look at sizes and times tells. */
import { damageProblem, inspectRelease } from "../../store/inspect.ts";
import { openRelease } from "../../store/release.ts";
import type { Target } from "../contract.ts";
import { withDamage } from "../damage.ts";
import { Fault } from "../fault.ts";
import type { Task } from "../runner.ts";
import { storeNeeds, withStore, type StoreNeeds, type TaskWorld } from "../world.ts";

interface Needs {
  readonly target: Target;
  readonly name: string;
  readonly store: StoreNeeds;
  /** An operator asks for it. */
  readonly request: string | null;
}

/** Services start first. */
const HEAD_START_MS = 30_000;
/** Rests nine times as long as it reads. */
const REST_FACTOR = 9;
/** From one reading of everything to the next. */
const AGAIN_MS = 24 * 60 * 60 * 1000;
const AGAIN_AFTER_DAMAGE_MS = 600_000;

export function scrubTask(world: TaskWorld): Task<Needs> {
  const { ports } = world;
  // A wish stands in the orders for good: one that was there when this life of the agent began is an old one.
  let heard: string | null | undefined;
  return {
    name: "scrub",
    rest: {},
    needs: (orders, findings) => {
      const { release } = findings;
      if (orders.target === null || release === null || !release.verified) return null;
      const store = storeNeeds(orders, findings);
      if (store === null || store === undefined) return store;
      const target = { ...orders.target, manifestSha256: release.manifestSha256 };
      return { target, name: release.name, store, request: orders.request?.id ?? null };
    },
    begin: ({ target, name, store: needs, request }) => {
      let hurry = heard !== undefined && request !== heard;
      heard = request;
      return async (io) => {
        if (!hurry) await ports.clock.sleep(HEAD_START_MS, io.signal);
        if (io.signal.aborted) return null;
        return withStore(world, needs, async (store) => {
          const release = await openRelease(ports, store, target, name);
          if (release === null) return AGAIN_AFTER_DAMAGE_MS;
          let since = ports.clock.steady();
          const { flaw } = await inspectRelease(ports, store, release, "all", async () => {
            const rest = hurry ? 0 : (ports.clock.steady() - since) * REST_FACTOR;
            await ports.clock.sleep(rest, io.signal);
            io.signal.throwIfAborted();
            since = ports.clock.steady();
          });
          hurry = false;
          if (flaw === null) return AGAIN_MS;
          io.report({ damaged: withDamage(world.findings().damaged, target, { release: name, flaw }) });
          throw new Fault(damageProblem(flaw), AGAIN_AFTER_DAMAGE_MS);
        });
      };
    },
  };
}
