import type { Target } from "../agent/contract.ts";
import type { Cluster, Committed } from "../relations/peers.ts";
import { isCopyOf, releaseName } from "../store/layout.ts";
import type { Facts } from "./facts.ts";

/**
 * What the application remembers of the releases it has agreed on. All copies of an archive have the same manifest, so a
 * manifest that was agreed on once is the only right one for ever, whatever lies on the store when that release is
 * chosen again.
 */

/** Some 4 kB of app data. The release that nobody has used for longest is forgotten. */
export const MOST_REMEMBERED = 16;

/** The release with its manifest, if that was ever agreed on: what agents look for, and believe nothing else. */
export function expectedTarget(cluster: Cluster | null): Target | null {
  const release = cluster?.release ?? null;
  return release && { ...release, manifestSha256: expectedManifest(release, cluster?.committed ?? []) };
}

/** What a directory below `releases/` is a copy of, with the manifest that it has to have; null if nobody here has agreed on it. */
export function targetBehind(directory: string, { release, committed }: Cluster): Target | null {
  const target = [release, ...committed].find((one) => one !== null && isCopyOf(directory, one)) ?? null;
  return target && { ...target, manifestSha256: expectedManifest(target, committed) };
}

/** The only manifest that a copy of this release may have; null for one that nobody here has agreed on yet. */
export function expectedManifest(release: Target, committed: readonly Committed[]): string | null {
  return release.manifestSha256 ?? committed.find((one) => isSame(one, release))?.manifestSha256 ?? null;
}

/**
 * The archive that this version was here. It stays so whatever a source says by now (docs/decisions/0017); only
 * `release-digest` makes it another one.
 */
export function archiveOf(version: string, { options, local }: Facts, { committed }: Cluster): Target | null {
  const fits = (one: Committed): boolean =>
    one.version === version &&
    one.arch === local.arch &&
    (options.releaseDigest === null || options.releaseDigest === one.sha256);
  return committed.find(fits) ?? null;
}

/**
 * The release first, then what runs here, then all others in the order in which they were used last.
 *
 * @param release the one to be committed now
 * @param current directory of the one that the leader's link leads to
 */
export function remember(now: Cluster, release: Target | null, current: string | null): readonly Committed[] {
  // An earlier version of the charm kept no list: what it had committed begins it.
  const known = toFront(now.release, now.committed);
  const left = known.find((one) => isCopyOf(current, one) && !(release && isSame(one, release)));
  const used = left && current !== null ? toFront(left, known, current) : known;
  return toFront(release, used).slice(0, MOST_REMEMBERED);
}

/** The list with this release at its front, if that was ever agreed on. */
function toFront(
  release: Target | null,
  list: readonly Committed[],
  directory: string | null = null,
): readonly Committed[] {
  if (!release) return list;
  const known = list.find((one) => isSame(one, release));
  const others = list.filter((one) => one !== known);
  const { version, arch, sha256 } = release;
  const manifestSha256 = expectedManifest(release, list);
  if (manifestSha256 === null) return list;
  return [
    { version, arch, sha256, manifestSha256, directory: directory ?? known?.directory ?? releaseName(release) },
    ...others,
  ];
}

/** Directory of the release that was there before this one: kept on the store, so that the way back needs no download. */
export function previousRelease({ release, committed }: Cluster): string | null {
  return committed.find((one) => release === null || !isSame(one, release))?.directory ?? null;
}

/** A manifest names the version besides the archive. */
const isSame = (one: Target, other: Target): boolean =>
  one.sha256 === other.sha256 && one.version === other.version && one.arch === other.arch;
