import type { Dir, Ports } from "../ports.ts";
import { errno, StoreError } from "./errors.ts";
import { orNull, treeSize, using } from "./files.ts";
import { HOLDER, LOCK, parseReleaseName, PARTIAL, RELEASES, STAGING } from "./layout.ts";
import { readLeases } from "./lease.ts";
import { type Holder, readHolder } from "./partial.ts";
import type { Lease, StoreRoot } from "./types.ts";

/** Everything about a store that a person may want to know. */
export interface Survey {
  readonly releases: readonly { readonly name: string; readonly bytes: number }[];
  /** The problem's text if they cannot be read. */
  readonly leases: readonly Lease[] | string;
  /** Whether anybody has the lock; null if that cannot be told without writing. */
  readonly locked: boolean | null;
  /** Who said to be fetching, and how much of it is there, in bytes. */
  readonly holder: Holder | null;
  readonly fetched: number;
  /** What lies in `partial/` and `staging/`, with the milliseconds since it was last touched. */
  readonly leftovers: readonly { readonly path: string; readonly bytes: number; readonly age: number }[];
  readonly free: number;
  readonly total: number;
}

/** Looks, and takes the lock for a moment if it is free. @throws StoreError */
export async function surveyStore(ports: Pick<Ports, "lock" | "clock">, store: StoreRoot): Promise<Survey> {
  const holder = await below(store, PARTIAL, readHolder);
  const leftovers = [...(await lyingIn(ports, store, PARTIAL)), ...(await lyingIn(ports, store, STAGING))];
  return {
    releases: (await below(store, RELEASES, releasesIn)) ?? [],
    leases: await readLeases(store).catch(asText),
    locked: await isLocked(ports, store),
    holder,
    fetched: leftovers.find(({ path }) => path === `${PARTIAL}/${holder?.partial}`)?.bytes ?? 0,
    leftovers,
    ...(await store.root.space()),
  };
}

async function releasesIn(directory: Dir): Promise<Survey["releases"]> {
  const names = (await directory.list()).filter((name) => parseReleaseName(name) !== null);
  return Promise.all(names.map(async (name) => ({ name, bytes: await treeSize(directory, name) })));
}

async function lyingIn(ports: Pick<Ports, "clock">, store: StoreRoot, name: string): Promise<Survey["leftovers"]> {
  const found = await below(store, name, async (directory) => {
    const entries = (await directory.list()).filter((entry) => entry !== HOLDER);
    return Promise.all(
      entries.map(async (entry) => {
        const stat = await orNull("ENOENT", directory.lstat(entry));
        const touched = Math.max(stat?.modifiedMs ?? 0, stat?.changedMs ?? 0);
        return {
          path: `${name}/${entry}`,
          bytes: await treeSize(directory, entry),
          age: Math.max(0, ports.clock.now() - touched),
        };
      }),
    );
  });
  return found ?? [];
}

async function isLocked(ports: Pick<Ports, "lock">, store: StoreRoot): Promise<boolean | null> {
  try {
    const held = await ports.lock.take(store.root, LOCK);
    await held?.release();
    return held === null;
  } catch (error) {
    if (errno(error) === "ENOENT") return false;
    if (["EROFS", "EACCES", "EPERM"].includes(errno(error))) return null;
    throw error;
  }
}

async function below<Result>(
  store: StoreRoot,
  name: string,
  use: (directory: Dir) => Promise<Result>,
): Promise<Result | null> {
  const directory = await orNull("ENOENT", store.root.openDirectory(name));
  return directory === null ? null : using(directory, use);
}

function asText(error: unknown): string {
  if (error instanceof StoreError) return error.problem.message;
  throw error;
}
