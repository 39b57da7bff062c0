import type { Dir, Ports } from "../ports.ts";
import { aboutFiles, StoreError } from "./errors.ts";
import { orNull, using } from "./files.ts";
import { RELEASES } from "./layout.ts";
import { readLease } from "./lease.ts";
import { withdrawMarks } from "./trash.ts";
import type { StoreRoot } from "./types.ts";

/**
 * The last look before a unit's link jumps to a release, in this order: its lease stands on the store, whatever was told
 * before; no clean-up that has not seen the lease can move the release away; it is there, and would be there after a
 * power loss.
 *
 * @param path the store's directory
 * @param member the unit's own name on the store
 * @param release name of its directory below `releases/`
 * @returns null if the link may jump, else why not yet, in a few words
 */
export async function whyNotYet(
  { fs }: Pick<Ports, "fs">,
  path: string,
  member: string,
  release: string,
): Promise<string | null> {
  try {
    return await aboutFiles({ path }, "", async () =>
      using(await fs.openDirectory(path), (root) => whyNotYetIn({ root, path }, member, release)),
    );
  } catch (error) {
    if (error instanceof StoreError) return error.problem.message;
    throw error;
  }
}

async function whyNotYetIn(store: StoreRoot, member: string, release: string): Promise<string | null> {
  if (!(await readLease(store, member)).includes(release)) return `no lease of ${member} names ${release}`;
  if (!(await withdrawMarks(store, [release]))) return `a clean-up has marked ${release}`;
  const published = await orNull("ENOENT", store.root.openDirectory(RELEASES));
  const there = published !== null && (await using(published, () => isThere(published, release)));
  return there ? null : `${release} is not there`;
}

/** Durably: a clean-up may have put it back a moment ago. */
async function isThere(published: Dir, release: string): Promise<boolean> {
  const stat = await orNull("ENOENT", published.lstat(release));
  if (stat?.kind !== "directory") return false;
  await published.sync();
  return true;
}
