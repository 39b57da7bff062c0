import type { Dir, Ports } from "../ports.ts";
import { aboutFiles } from "./errors.ts";
import { ensureDirectory, orNull, removeTree, treeSize, using } from "./files.ts";
import * as layout from "./layout.ts";
import { readLeases } from "./lease.ts";
import { takeLock } from "./lock.ts";
import type { StorePorts } from "./ports.ts";
import { emptyTrash, moveToTrash } from "./trash.ts";
import type { Store } from "./types.ts";

/** Age from which what lies in `partial/` and `staging/` while nobody has the lock is nobody's, in milliseconds. */
const ORPHAN = 24 * 60 * 60 * 1000;

export interface CleanUpOptions {
  /** Releases to keep besides those that units lease. */
  readonly keep: readonly string[];
  /** Only tell what would go. */
  readonly dryRun: boolean;
}

export interface CleanedUp {
  /** Paths below the store's directory. */
  readonly removed: readonly string[];
  readonly bytes: number;
}

/**
 * Removes releases that nobody needs: each is marked, the leases are read, and what nobody has leased is renamed out of
 * `releases/`; then all leases are read again, and what has been leased meanwhile goes back. Under the lock; null if
 * someone else has it. Units write their lease before they look for marks, so one of both sees the other (`trash.ts`).
 *
 * @throws StoreError
 */
export async function cleanUp(
  ports: Pick<StorePorts, "lock" | "clock" | "random">,
  store: Store,
  options: CleanUpOptions,
): Promise<CleanedUp | null> {
  return aboutFiles(store, "", async () => {
    const held = await takeLock(ports, store);
    if (held === null) {
      return null;
    }
    try {
      return await cleanUpHeld(ports, store, options);
    } finally {
      await held.release();
    }
  });
}

async function cleanUpHeld(
  ports: Pick<StorePorts, "clock" | "random">,
  store: Store,
  { keep, dryRun }: CleanUpOptions,
): Promise<CleanedUp> {
  const needed = async (): Promise<ReadonlySet<string>> =>
    new Set([...keep, ...(await readLeases(store)).flatMap(({ releases }) => releases)]);
  const orphans = await orphansOf(ports, store);
  const unused = await unusedReleases(store, await needed());
  const sizes = new Map<Path, number>();
  for (const path of [...unused, ...orphans]) {
    sizes.set(path, await inDirectory(store, path[0], (directory) => treeSize(directory, path[1])));
  }
  if (!dryRun) {
    await removeAll(store, orphans);
    const moved = await moveToTrash(
      ports,
      store,
      unused.map(([, name]) => name),
      needed,
    );
    const back = await emptyTrash(ports, store, needed);
    for (const path of unused) {
      if (!moved.includes(path[1]) || back.includes(path[1])) sizes.delete(path);
    }
  }
  return {
    removed: [...sizes.keys()].map((path) => path.join("/")),
    bytes: [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0),
  };
}

type Path = readonly [directory: string, name: string];

async function unusedReleases(store: Store, needed: ReadonlySet<string>): Promise<Path[]> {
  const names = await inDirectory(store, layout.RELEASES, (directory) => directory.list());
  return names
    .filter((name) => layout.parseReleaseName(name) !== null && !needed.has(name))
    .map((name) => [layout.RELEASES, name]);
}

/** What an agent that never came back has left. Old ones only: where locks exclude nobody, someone may be at work. */
async function orphansOf(ports: Pick<Ports, "clock">, store: Store): Promise<Path[]> {
  const found: Path[] = [];
  for (const directory of [layout.PARTIAL, layout.STAGING]) {
    await inDirectory(store, directory, async (opened) => {
      for (const name of await opened.list()) {
        const stat = await orNull("ENOENT", opened.lstat(name));
        if (stat !== null && ports.clock.now() - Math.max(stat.modifiedMs, stat.changedMs) > ORPHAN) {
          found.push([directory, name]);
        }
      }
    });
  }
  return found;
}

async function removeAll(store: Store, paths: readonly Path[]): Promise<void> {
  for (const [directory, name] of paths) {
    await inDirectory(store, directory, (opened) => removeTree(opened, name));
  }
}

async function inDirectory<Result>(
  store: Store,
  name: string,
  use: (directory: Dir) => Promise<Result>,
): Promise<Result> {
  return using(await ensureDirectory(store.root, name), use);
}
