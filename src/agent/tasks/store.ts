/** Is the store there? Looks every second, opens it only when something about it looks different. */
import type { Fs } from "../../ports.ts";
import { FIXED_NAMES } from "../../store/layout.ts";
import { orNull, using } from "../../store/files.ts";
import { openStore } from "../../store/store.ts";
import { sweepOwn } from "../../store/temporary.ts";
import { canonical } from "../canonical.ts";
import { aboutStore } from "../fault.ts";
import type { Orders, StoreState } from "../contract.ts";
import type { Task } from "../runner.ts";
import type { TaskWorld } from "../world.ts";

const LOOK_MS = 1_000;
/** As long as the mount is the same and all was well. */
const LOOK_INSIDE_MS = 5_000;
/** While something is wrong that a look does not show, such as what lies inside. */
const REOPEN_MS = 5_000;

type Needs = Omit<Orders["store"], "lease" | "leasesFor" | "departed" | "keep" | "cleanUp" | "people">;

export function storeTask(world: TaskWorld): Task<Needs> {
  const { ports } = world;
  const { clock } = ports;
  /** Stores that this life has opened before: a fetch that it has given up may still be at work there. */
  const swept = new Set<string>();
  return {
    name: "store",
    rest: {},
    needs: ({ store: { kind, path, id, mayCreate, application, related, member } }) => ({
      kind,
      path,
      id,
      mayCreate,
      application,
      related,
      member,
    }),
    begin: (needs) => {
      let seen: Glimpse = { mount: "", inside: "" };
      let seenAt = Number.NEGATIVE_INFINITY;
      let openedAt = Number.NEGATIVE_INFINITY;
      let last: StoreState | null = null;
      /** It could not be written, though the mount says that it can: that may pass without anything looking different. */
      let doubtful = false;
      return async (io) => {
        const mount = await glanceAtMount(ports.fs, needs.path);
        const settled = last !== null && last.problem === null && !doubtful && mount === seen.mount;
        const pause = needs.kind === "mount" || !settled ? LOOK_MS : LOOK_INSIDE_MS;
        if (settled && clock.steady() - seenAt < LOOK_INSIDE_MS) return pause;
        const inside = await glanceInside(ports.fs, needs.path);
        seenAt = clock.steady();
        const same = mount === seen.mount && inside === seen.inside;
        const again = (last?.problem !== null || doubtful) && clock.steady() - openedAt >= REOPEN_MS;
        if (same && !again) return pause;
        const { state, store } = await openStore(ports, { ...needs, lease: [], keep: [] }, same ? last : null);
        try {
          const before = world.findings();
          const known = before.storeEpoch > 0 && canonical(before.store) === canonical(state);
          if (store?.writable && !known) {
            await aboutStore(needs.path, () => sweepOwn(store, swept.has(store.id) ? "files" : "all"));
            swept.add(store.id);
          }
          io.report({ store: state, storeEpoch: known ? before.storeEpoch : before.storeEpoch + 1 });
        } finally {
          await store?.close();
        }
        last = state;
        doubtful = state.mounted && !state.writable && mount.includes('"readOnly":false');
        openedAt = clock.steady();
        // Opening may have made what was missing.
        seen = { mount, inside: await glanceInside(ports.fs, needs.path) };
        return LOOK_MS;
      };
    },
  };
}

/** What can be seen of the store without writing or waiting; it changes when it is mounted, exchanged, tampered with. */
interface Glimpse {
  readonly mount: string;
  readonly inside: string;
}

async function glanceAtMount(fs: Fs, path: string): Promise<string> {
  return canonical((await fs.mounts()).findLast(({ point }) => point === path) ?? null);
}

async function glanceInside(fs: Fs, path: string): Promise<string> {
  try {
    return await using(await fs.openDirectory(path), async (dir) => {
      const { device, inode } = await dir.stat();
      const kinds = await Promise.all(
        FIXED_NAMES.map(async ({ name }) => (await orNull("ENOENT", dir.lstat(name)))?.kind ?? null),
      );
      return canonical([device, inode, kinds]);
    });
  } catch (error) {
    return String(error);
  }
}
