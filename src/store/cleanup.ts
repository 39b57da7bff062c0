import type { Dir, Ports } from "../ports.ts";
import { errno, fileProblem, StoreError } from "./errors.ts";
import { ensureDirectory, orNull, removeTree, treeSize, using } from "./files.ts";
import * as layout from "./layout.ts";
import { readLeases } from "./lease.ts";
import { takeLock } from "./lock.ts";
import type { StorePorts } from "./ports.ts";
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
 * Removes releases that nobody needs, in two steps: each is renamed out of `releases/`, so that nobody can begin to use
 * it; then all leases are read again, and what has been leased meanwhile goes back. Under the lock; null if someone else
 * has it. Units write their lease before they look at a release for the last time, so one of both sees the other.
 *
 * @throws StoreError
 */
export async function cleanUp(
  ports: Pick<StorePorts, "lock" | "clock" | "random">,
  store: Store,
  options: CleanUpOptions,
): Promise<CleanedUp | null> {
  try {
    const held = await takeLock(ports, store);
    if (held === null) {
      return null;
    }
    try {
      const orphans = await orphansOf(ports, store);
      const unused = await unusedReleases(store, options.keep);
      const bytes = await sizeOfAll(store, [...orphans, ...unused]);
      if (!options.dryRun) {
        await removeAll(store, orphans);
        await moveToTrash(ports, store, unused);
        await emptyTrash(store, options.keep);
      }
      return { removed: [...unused, ...orphans].map((path) => path.join("/")), bytes };
    } finally {
      await held.release();
    }
  } catch (error) {
    if (errno(error) === "") {
      throw error;
    }
    throw new StoreError(fileProblem(error, store.path, ""), { cause: error });
  }
}

type Path = readonly [directory: string, name: string];

async function unusedReleases(store: Store, keep: readonly string[]): Promise<Path[]> {
  const needed = await neededReleases(store, keep);
  const names = await listOf(store, layout.RELEASES);
  return names
    .filter((name) => layout.parseReleaseName(name) !== null && !needed.has(name))
    .map((name) => [layout.RELEASES, name]);
}

async function neededReleases(store: Store, keep: readonly string[]): Promise<Set<string>> {
  return new Set([...keep, ...(await readLeases(store)).flatMap(({ releases }) => releases)]);
}

async function moveToTrash(ports: Pick<Ports, "random">, store: Store, releases: readonly Path[]): Promise<void> {
  await using(await ensureDirectory(store.root, layout.TRASH), async (trash) => {
    for (const [directory, name] of releases) {
      await inDirectory(store, directory, async (from) => {
        await orNull("ENOENT", from.rename(name, trash, layout.trashName(name, ports.random.uuid())));
        await from.sync();
      });
    }
    await trash.sync();
  });
}

/** The second look. It also ends what a clean-up that was killed has begun. */
async function emptyTrash(store: Store, keep: readonly string[]): Promise<void> {
  await inDirectory(store, layout.TRASH, async (trash) => {
    const names = await trash.list();
    const needed = await neededReleases(store, keep);
    for (const name of names) {
      const release = layout.trashedRelease(name);
      if (release === null || !needed.has(release) || !(await putBack(store, trash, name, release))) {
        await removeTree(trash, name);
      }
    }
  });
}

/** False if a whole one has come in its place meanwhile. */
async function putBack(store: Store, trash: Dir, name: string, release: string): Promise<boolean> {
  return inDirectory(store, layout.RELEASES, async (releases) => {
    try {
      await trash.rename(name, releases, release);
      await releases.sync();
      return true;
    } catch (error) {
      if (["ENOTEMPTY", "EEXIST"].includes(errno(error))) {
        return false;
      }
      throw error;
    }
  });
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

async function sizeOfAll(store: Store, paths: readonly Path[]): Promise<number> {
  let bytes = 0;
  for (const [directory, name] of paths) {
    bytes += await inDirectory(store, directory, (opened) => treeSize(opened, name));
  }
  return bytes;
}

async function listOf(store: Store, name: string): Promise<string[]> {
  return inDirectory(store, name, (directory) => directory.list());
}

async function inDirectory<Result>(
  store: Store,
  name: string,
  use: (directory: Dir) => Promise<Result>,
): Promise<Result> {
  return using(await ensureDirectory(store.root, name), use);
}
