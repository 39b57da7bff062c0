import type { Target } from "../agent/contract.ts";
import type { Dir, Ports } from "../ports.ts";
import { errno } from "./errors.ts";
import { removeTree, using, writeNew } from "./files.ts";
import { MANIFEST, releaseName, RELEASES } from "./layout.ts";
import { manifestOf, writeManifest } from "./manifest.ts";
import { verifyRelease } from "./inspect.ts";
import { openRelease } from "./release.ts";
import type { Store } from "./types.ts";
import type { Contents } from "./unpack.ts";

/** Far more repairs than any release needs. */
const MOST_COPIES = 99;

export interface Staged {
  /** `staging/`. */
  readonly parent: Dir;
  /** The directory's name in it. */
  readonly name: string;
  readonly directory: Dir;
}

/**
 * Writes the manifest, last of all, and makes the whole staging directory durable and read-only: from now on it is what
 * will be published, only under another name.
 */
export async function seal(staged: Staged, target: Target, contents: Contents): Promise<string> {
  const text = writeManifest(manifestOf(target, contents));
  await writeNew(staged.directory, MANIFEST, text, 0o444);
  await staged.parent.chmod(staged.name, 0o555);
  await staged.directory.sync();
  return text;
}

/**
 * Publishes a sealed directory by one rename. If the name is taken someone else has won the race: a whole release
 * under it is as good as ours, which is dropped; a damaged one stays, and ours goes beside it as the next copy.
 *
 * @returns the name under which the release is published now
 */
export async function publish(
  ports: Pick<Ports, "hash">,
  store: Store,
  staged: Staged,
  target: Target,
  damaged: readonly string[],
): Promise<string> {
  return using(await store.root.openDirectory(RELEASES), async (releases) => {
    for (let copy = 1; copy <= MOST_COPIES; copy++) {
      const name = releaseName(target, copy);
      // Everybody passes over these, also once one of them is gone.
      if (damaged.includes(name)) {
        continue;
      }
      if (await renamed(staged, releases, name)) {
        await releases.sync();
        await staged.parent.sync();
        return name;
      }
      if (await isGood(ports, store, target, name)) {
        // Whoever won may not have come to it yet.
        await releases.sync();
        await removeTree(staged.parent, staged.name);
        return name;
      }
    }
    throw new Error(`${MOST_COPIES} damaged copies of ${releaseName(target)}`);
  });
}

/** False if something lies under the name already. */
async function renamed(staged: Staged, releases: Dir, name: string): Promise<boolean> {
  try {
    await staged.parent.rename(staged.name, releases, name);
    return true;
  } catch (error) {
    if (errno(error) === "ENOTEMPTY" || errno(error) === "EEXIST") {
      return false;
    }
    throw error;
  }
}

async function isGood(ports: Pick<Ports, "hash">, store: Store, target: Target, name: string): Promise<boolean> {
  const release = await openRelease(ports, store, target, name);
  return release !== null && (await verifyRelease(ports, store, release, "all")) === null;
}
