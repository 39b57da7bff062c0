/** Is the store there? Looks every second, opens it only when something about it looks different. */
import type { Fs } from "../../ports.ts";
import { MARKER, STORE_FILE } from "../../store/layout.ts";
import { openStore, sweepOwn } from "../../store/store.ts";
import { canonical } from "../canonical.ts";
import type { Orders, StoreState } from "../contract.ts";
import type { Task } from "../runner.ts";
import type { TaskWorld } from "../world.ts";

const LOOK_MS = 1_000;
/** While something is wrong that a look does not show, such as what lies inside. */
const REOPEN_MS = 5_000;

type Needs = Omit<Orders["store"], "lease" | "keep">;

export function storeTask(world: TaskWorld): Task<Needs> {
  const { ports } = world;
  const { clock } = ports;
  return {
    name: "store",
    rest: {},
    needs: ({ store: { lease: _lease, keep: _keep, ...needs } }) => needs,
    begin: (needs) => {
      let seen = "";
      let openedAt = Number.NEGATIVE_INFINITY;
      let last: StoreState | null = null;
      return async (io) => {
        const glimpse = await glance(ports.fs, needs.path);
        const same = glimpse === seen;
        const again = last?.problem !== null && clock.steady() - openedAt >= REOPEN_MS;
        if (same && !again) return LOOK_MS;
        const { state, store } = await openStore(ports, { ...needs, lease: [], keep: [] }, same ? last : null);
        try {
          const before = world.findings();
          const known = before.storeEpoch > 0 && canonical(before.store) === canonical(state);
          if (store?.writable && !known) await sweepOwn(store);
          io.report({ store: state, storeEpoch: known ? before.storeEpoch : before.storeEpoch + 1 });
        } finally {
          await store?.close();
        }
        last = state;
        openedAt = clock.steady();
        // Opening may have made what was missing.
        seen = await glance(ports.fs, needs.path);
        return LOOK_MS;
      };
    },
  };
}

/** What can be seen of the store without writing or waiting: changes whenever it is mounted, exchanged or unmarked. */
async function glance(fs: Fs, path: string): Promise<string> {
  const mount = (await fs.mounts()).findLast(({ point }) => point === path) ?? null;
  return canonical([mount, await identity(fs, path)]);
}

async function identity(fs: Fs, path: string): Promise<unknown> {
  try {
    const dir = await fs.openDirectory(path);
    try {
      const { device, inode } = await dir.stat();
      const names = await dir.list();
      return [device, inode, names.includes(MARKER), names.includes(STORE_FILE)];
    } finally {
      await dir.close();
    }
  } catch (error) {
    return String(error);
  }
}
