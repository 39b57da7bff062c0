/**
 * `trash/`: releases on their way out, and the marks through which they go.
 *
 * A mark is an empty directory, `trash/<release>.<uuid>/`, made before the leases are read; a release leaves `releases/`
 * by a rename into its mark. Whoever takes the mark away in between takes the permission back: no rename leads into a
 * directory that is gone. So a unit writes its lease and then takes marks away, a clean-up marks and then reads leases,
 * and one of both sees the other, whether locks exclude anybody or not.
 */
import type { Dir, Ports } from "../ports.ts";
import { errno } from "./errors.ts";
import { ensureDirectory, orNull, removeTree, using } from "./files.ts";
import { RELEASES, TRASH, trashedRelease, trashName } from "./layout.ts";
import type { StoreRoot } from "./types.ts";

/** Names of the releases that have to stay, as the leases are at the moment. */
export type Needed = () => Promise<ReadonlySet<string>>;

/**
 * Moves releases out of `releases/` that nobody needs once their marks stand.
 *
 * @returns those that were moved
 */
export async function moveToTrash(
  { random }: Pick<Ports, "random">,
  { root }: Pick<StoreRoot, "root">,
  releases: readonly string[],
  needed: Needed,
): Promise<string[]> {
  if (releases.length === 0) return [];
  return inBoth(root, async (published, trash) => {
    const marks = releases.map((release) => ({ release, mark: trashName(release, random.uuid()) }));
    for (const { mark } of marks) await trash.makeDirectory(mark, 0o755);
    await trash.sync();
    const stay = await needed();
    const moved: string[] = [];
    for (const { release, mark } of marks) {
      if (stay.has(release)) await orNull("ENOENT", trash.removeDirectory(mark));
      else if (await moveInto(published, release, trash, mark)) moved.push(release);
    }
    return moved;
  });
}

/** False if there is no such mark any more, or no such release. */
async function moveInto(published: Dir, release: string, trash: Dir, mark: string): Promise<boolean> {
  const into = await orNull("ENOENT", trash.openDirectory(mark));
  if (into === null) return false;
  return using(into, async () => {
    const moved = await done("ENOENT", published.rename(release, into, release));
    if (moved) {
      await into.sync();
      await published.sync();
    }
    return moved;
  });
}

/**
 * The second look: what has been leased since it was moved goes back, the rest is deleted, and no mark is left. It also
 * ends what a clean-up that was killed has begun.
 *
 * @returns the releases that were put back
 */
export async function emptyTrash(
  { random }: Pick<Ports, "random">,
  { root }: Pick<StoreRoot, "root">,
  needed: Needed,
): Promise<string[]> {
  return inBoth(root, async (published, trash) => {
    const names = await trash.list();
    const stay = await needed();
    const back: string[] = [];
    for (const name of names) {
      const release = trashedRelease(name);
      if (release !== null && (await isFilled(trash, name))) {
        if (stay.has(release) && (await putBack(trash, name, release, published))) back.push(release);
        else await destroy(trash, name, release, random.uuid());
      }
      await removeTree(trash, name);
    }
    return back;
  });
}

/** Takes an empty mark away; false also for what is no directory. */
async function isFilled(trash: Dir, mark: string): Promise<boolean> {
  return (await withdraw(trash, mark)) === "filled";
}

/** False if a whole one has come in its place meanwhile. */
async function putBack(trash: Dir, mark: string, release: string, published: Dir): Promise<boolean> {
  return using(await trash.openDirectory(mark), async (from) => {
    try {
      await from.rename(release, published, release);
    } catch (error) {
      if (["ENOENT", "ENOTEMPTY", "EEXIST"].includes(errno(error))) return false;
      throw error;
    }
    await published.sync();
    return true;
  });
}

/** By a rename first, to a name that nobody looks behind: what is deleted in part is never put back. */
async function destroy(trash: Dir, mark: string, release: string, doomed: string): Promise<void> {
  await using(await trash.openDirectory(mark), (from) => orNull("ENOENT", from.rename(release, trash, doomed)));
  await removeTree(trash, doomed);
}

/**
 * Makes sure that no clean-up that has not seen a lease yet moves these releases away: to be called once the lease
 * stands, and before anything is started from them. A release that has been moved already stays where it is.
 *
 * @returns false if marks stand that cannot be taken away from here: whoever holds the unit's lease does it
 */
export async function withdrawMarks({ root }: Pick<StoreRoot, "root">, releases: readonly string[]): Promise<boolean> {
  const trash = await orNull("ENOENT", root.openDirectory(TRASH));
  if (trash === null) return true;
  return using(trash, async () => {
    const marks = (await trash.list()).filter((name) => releases.includes(trashedRelease(name) ?? ""));
    const became = [];
    for (const mark of marks) became.push(await withdraw(trash, mark));
    if (became.includes("gone")) await trash.sync();
    return !became.includes("standing");
  });
}

/** What has become of a mark: taken away, by whomever; used, so that nobody uses it again; or beyond our reach. */
async function withdraw(trash: Dir, mark: string): Promise<"gone" | "filled" | "none" | "standing"> {
  try {
    await trash.removeDirectory(mark);
    return "gone";
  } catch (error) {
    switch (errno(error)) {
      case "ENOENT":
        return "gone";
      case "ENOTEMPTY":
      case "EEXIST":
        return "filled";
      case "ENOTDIR":
        return "none";
      case "EROFS":
      case "EACCES":
      case "EPERM":
        return lookAt(trash, mark);
      default:
        throw error;
    }
  }
}

async function lookAt(trash: Dir, mark: string): Promise<"gone" | "filled" | "none" | "standing"> {
  try {
    const inside = await using(await trash.openDirectory(mark), (opened) => opened.list());
    return inside.length > 0 ? "filled" : "standing";
  } catch (error) {
    if (errno(error) === "ENOENT") return "gone";
    if (errno(error) === "ENOTDIR") return "none";
    throw error;
  }
}

async function inBoth<Result>(root: Dir, use: (published: Dir, trash: Dir) => Promise<Result>): Promise<Result> {
  return using(await ensureDirectory(root, RELEASES), async (published) =>
    using(await ensureDirectory(root, TRASH), (trash) => use(published, trash)),
  );
}

/** False if the call fails with just this code. */
async function done(code: string, call: Promise<void>): Promise<boolean> {
  return (
    (await orNull(
      code,
      call.then(() => true),
    )) ?? false
  );
}
