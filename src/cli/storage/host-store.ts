/** A store as its host sees it: lock, download, releases and who leases them, room. Reads only, and follows no link. */

import { UserError } from "../../errors.ts";
import type { Dir, Ports } from "../../ports.ts";
import { StoreError } from "../../store/errors.ts";
import { orNull, parseJson, readSmall, using } from "../../store/files.ts";
import { LOCK, STORE_FILE } from "../../store/layout.ts";
import { surveyStore, type Survey } from "../../store/survey.ts";
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
  /** What lies in `partial/` and `staging/`, in bytes. */
  readonly unfinished: number;
  /** Bytes. */
  readonly free: number;
  readonly total: number;
}

/**
 * @returns null if the directory is not there
 * @throws UserError if something in it is a link, or not of its kind: units write there as root
 */
export async function readHostStore(ports: Pick<Ports, "fs" | "clock">, directory: string): Promise<HostStore | null> {
  const root = await orNull("ENOENT", ports.fs.openDirectory(directory));
  if (root === null) return null;
  return using(root, () => withoutPlanted(directory, () => describe(ports, root, directory)));
}

async function describe(ports: Pick<Ports, "clock">, root: Dir, directory: string): Promise<HostStore> {
  const survey = await surveyed(ports, root, directory);
  const lock = await orNull("ENOENT", root.lstat(LOCK));
  const { holder, leftovers, free, total } = survey;
  return {
    directory,
    id: idOf(parseJson((await readSmall(root, STORE_FILE)) ?? "")),
    applications: (await applicationFiles(root)).map((name) => name.replace(/\.json$/, "")),
    lock: lock === null ? [] : await lockHolders(lock.inode),
    download: holder && { member: holder.member, version: holder.version, bytes: survey.fetched, total: holder.total },
    releases: survey.releases.map((release) => ({ ...release, leasedBy: leasedBy(survey, release.name) })),
    unfinished: leftovers.reduce((sum, { bytes }) => sum + bytes, 0),
    free,
    total,
  };
}

async function surveyed(ports: Pick<Ports, "clock">, root: Dir, directory: string): Promise<Survey> {
  // Who has the lock is read off the kernel's list: to try it would take it from a unit for a moment.
  const lock = { take: async () => null };
  try {
    return await surveyStore({ clock: ports.clock, lock }, { root, path: directory });
  } catch (error) {
    throw error instanceof StoreError ? new UserError(error.problem.message) : error;
  }
}

function idOf(value: unknown): string | null {
  const id = typeof value === "object" && value !== null && "id" in value ? value.id : null;
  return typeof id === "string" ? id : null;
}

function leasedBy({ leases }: Survey, release: string): string[] {
  if (typeof leases === "string") return [];
  return leases.filter(({ releases }) => releases.includes(release)).map(({ member }) => member);
}
