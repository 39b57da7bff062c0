/** Finding published releases, and opening them by their manifests. What lies in them is for `inspect.ts`. */
import type { Target } from "../agent/contract.ts";
import type { Dir, Ports } from "../ports.ts";
import { aboutFiles, errno } from "./errors.ts";
import { orNull, readSmall, using } from "./files.ts";
import { isCopyOf, MANIFEST, parseReleaseName, RELEASES } from "./layout.ts";
import { LONGEST_MANIFEST, readManifest } from "./manifest.ts";
import type { Manifest, Release, Store } from "./types.ts";

type Hashing = Pick<Ports, "hash">;

/**
 * The published release of a target, the newest copy first; null if there is none. A copy counts only if its manifest
 * is whole and, where `manifestSha256` has been agreed on, hashes to it. Contents are for `verifyRelease`.
 *
 * @param damaged copies that are passed over
 * @throws StoreError if the store cannot be read
 */
export async function findRelease(
  ports: Hashing,
  store: Store,
  target: Target,
  damaged: readonly string[] = [],
): Promise<Release | null> {
  return aboutFiles(store, RELEASES, async () => {
    for (const name of (await copies(store, target)).filter((copy) => !damaged.includes(copy))) {
      const release = await openRelease(ports, store, target, name);
      if (release !== null) {
        return release;
      }
    }
    return null;
  });
}

/** Names of the published copies of a target, newest first. Names alone: none has been looked into. */
export async function copies(store: Store, target: Target): Promise<string[]> {
  const releases = await orNull("ENOENT", store.root.openDirectory(RELEASES));
  const names = releases === null ? [] : await using(releases, () => releases.list());
  const copyOf = (name: string) => parseReleaseName(name)?.copy ?? 0;
  return names.filter((name) => isCopyOf(name, target)).toSorted((a, b) => copyOf(b) - copyOf(a));
}

/** One copy of a target as `findRelease` opens it. @throws StoreError if the store cannot be read */
export async function openRelease(ports: Hashing, store: Store, target: Target, name: string): Promise<Release | null> {
  const text = await aboutFiles(store, RELEASES, () =>
    inRelease(store, name, (directory) => readSmall(directory, MANIFEST, LONGEST_MANIFEST)).catch(absent),
  );
  const manifest = text === null ? null : readManifest(text);
  if (text === null || manifest === null || !belongs(manifest, target)) {
    return null;
  }
  const hasher = ports.hash.sha256();
  hasher.update(text);
  const manifestSha256 = hasher.digest();
  const agreed = target.manifestSha256 === null || target.manifestSha256 === manifestSha256;
  return agreed ? { name, manifestSha256, manifest } : null;
}

/** What is no release, or none any more, is no failure: it is not adopted. */
function absent(error: unknown): null {
  if (["ENOENT", "ENOTDIR", "ELOOP", "ENOTREG", "EFBIG"].includes(errno(error))) {
    return null;
  }
  throw error;
}

function belongs(manifest: Manifest, target: Target): boolean {
  return manifest.version === target.version && manifest.arch === target.arch && manifest.archive === target.sha256;
}

/** Uses the directory of a release. @throws what opening it gives */
export async function inRelease<Result>(
  store: Store,
  name: string,
  use: (directory: Dir) => Promise<Result>,
): Promise<Result> {
  return using(await store.root.openDirectory(RELEASES), async (releases) =>
    using(await releases.openDirectory(name), use),
  );
}
