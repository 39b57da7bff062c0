/** A store as its host sees it: lock, download, releases and who leases them, room. Reads only, and follows no link. */

import type { Dir, Ports } from "../../ports.ts";
import { orNull, parseJson, readSmall, using } from "../../store/files.ts";
import { LOCK, parseReleaseName, PARTIAL, RELEASES, STORE_FILE, WORKERS, LEASE } from "../../store/layout.ts";
import { readHolder } from "../../store/partial.ts";
import { applicationFiles, withoutPlanted } from "./directory.ts";
import { lockHolders, type LockHolder } from "./holder.ts";

export interface HostStore {
  readonly directory: string;
  /** Null if it has none yet. */
  readonly id: string | null;
  /** Applications that use it, `<model>-<application>`. */
  readonly applications: readonly string[];
  readonly lock: readonly LockHolder[];
  /** The download under way, or left by one that was given up. `member` is `<model>-<unit>`. */
  readonly download: {
    readonly member: string;
    readonly version: string;
    readonly bytes: number;
    readonly total: number | null;
  } | null;
  readonly releases: readonly { readonly name: string; readonly bytes: number; readonly leasedBy: readonly string[] }[];
  /** Bytes. */
  readonly free: number;
  readonly total: number;
}

/**
 * @returns null if the directory is not there
 * @throws UserError if something in it is a link, or not of its kind: units write there as root
 */
export async function readHostStore(ports: Pick<Ports, "fs">, directory: string): Promise<HostStore | null> {
  const root = await orNull("ENOENT", ports.fs.openDirectory(directory));
  return root === null ? null : using(root, () => withoutPlanted(directory, () => describe(root, directory)));
}

async function describe(root: Dir, directory: string): Promise<HostStore> {
  const lock = await orNull("ENOENT", root.lstat(LOCK));
  const { free, total } = await root.space();
  const files = await applicationFiles(root);
  return {
    directory,
    id: idOf(parseJson((await readSmall(root, STORE_FILE)) ?? "")),
    applications: files.map((name) => name.replace(/\.json$/, "")),
    lock: lock === null ? [] : await lockHolders(lock.inode),
    download: await below(root, PARTIAL, null, downloadIn),
    releases: await below(root, RELEASES, [], async (releases) => releasesIn(releases, await leasesIn(root))),
    free,
    total,
  };
}

async function below<T>(root: Dir, name: string, none: T, look: (directory: Dir) => Promise<T>): Promise<T> {
  const directory = await orNull("ENOENT", root.openDirectory(name));
  return directory === null ? none : using(directory, () => look(directory));
}

function idOf(value: unknown): string | null {
  const id = typeof value === "object" && value !== null && "id" in value ? value.id : null;
  return typeof id === "string" ? id : null;
}

async function downloadIn(partial: Dir): Promise<HostStore["download"]> {
  const holder = await readHolder(partial);
  if (holder === null) return null;
  const file = holder.partial === null ? null : await orNull("ENOENT", partial.lstat(holder.partial));
  return { member: holder.member, version: holder.version, bytes: file?.size ?? 0, total: holder.total };
}

/** Release → units that lease it. A lease that nobody can read is none for a look. */
async function leasesIn(root: Dir): Promise<Map<string, string[]>> {
  const leases = new Map<string, string[]>();
  await below(root, WORKERS, undefined, async (workers) => {
    for (const member of await workers.list()) {
      const text = await below(workers, member, null, (own) => readSmall(own, LEASE)).catch(() => null);
      const value = parseJson(text ?? "") as { releases?: unknown } | null;
      for (const name of Array.isArray(value?.releases) ? value.releases : [])
        leases.set(String(name), [...(leases.get(String(name)) ?? []), member]);
    }
  });
  return leases;
}

async function releasesIn(releases: Dir, leases: ReadonlyMap<string, string[]>): Promise<HostStore["releases"]> {
  const names = (await releases.list()).filter((name) => parseReleaseName(name) !== null);
  const found = [];
  for (const name of names) {
    const bytes = await below(releases, name, 0, bytesIn);
    found.push({ name, bytes, leasedBy: leases.get(name) ?? [] });
  }
  return found;
}

async function bytesIn(directory: Dir): Promise<number> {
  let sum = 0;
  for (const name of await directory.list()) {
    const stat = await orNull("ENOENT", directory.lstat(name));
    if (stat?.kind === "file") sum += stat.size;
    else if (stat?.kind === "directory") sum += await below(directory, name, 0, bytesIn);
  }
  return sum;
}
