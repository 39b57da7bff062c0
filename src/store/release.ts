import type { Problem, Target } from "../agent/contract.ts";
import type { Dir, Ports, Stat } from "../ports.ts";
import { blocked, errno, fileProblem, StoreError } from "./errors.ts";
import { orNull, readSmall, using } from "./files.ts";
import { MANIFEST, parseReleaseName, RELEASES } from "./layout.ts";
import { LONGEST_MANIFEST, readManifest } from "./manifest.ts";
import { show } from "./tar.ts";
import type { Depth, Manifest, ManifestFile, Release, Store } from "./types.ts";

type Hashing = Pick<Ports, "hash">;

const READ = 1024 * 1024;

/**
 * The published release of a target, the newest copy first; null if there is none. A copy counts only if its manifest
 * is whole and, where `manifestSha256` has been agreed on, hashes to it. Contents are for `verifyRelease`.
 *
 * @param only look at this copy alone
 * @throws StoreError if the store cannot be read
 */
export async function findRelease(
  ports: Hashing,
  store: Store,
  target: Target,
  only: string | null = null,
): Promise<Release | null> {
  try {
    for (const name of only === null ? await copies(store, target) : [only]) {
      const release = await openRelease(ports, store, target, name);
      if (release !== null) {
        return release;
      }
    }
    return null;
  } catch (error) {
    throw new StoreError(fileProblem(error, store.path, RELEASES), { cause: error });
  }
}

/** Names of the published copies of a target, newest first. Names alone: none has been looked into. */
export async function copies(store: Store, target: Target): Promise<string[]> {
  const releases = await orNull("ENOENT", store.root.openDirectory(RELEASES));
  const names = releases === null ? [] : await using(releases, () => releases.list());
  return names
    .map((name) => ({ name, parts: parseReleaseName(name) }))
    .filter(
      ({ parts }) =>
        parts?.version === target.version && parts.arch === target.arch && target.sha256.startsWith(parts.digest),
    )
    .toSorted((a, b) => (b.parts?.copy ?? 0) - (a.parts?.copy ?? 0))
    .map(({ name }) => name);
}

async function openRelease(ports: Hashing, store: Store, target: Target, name: string): Promise<Release | null> {
  const text = await inRelease(store, name, (directory) => readSmall(directory, MANIFEST, LONGEST_MANIFEST)).catch(
    absent,
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

async function inRelease<Result>(
  store: Store,
  name: string,
  use: (directory: Dir) => Promise<Result>,
): Promise<Result> {
  return using(await store.root.openDirectory(RELEASES), async (releases) =>
    using(await releases.openDirectory(name), use),
  );
}

/**
 * Compares a release with its manifest: null if it agrees, else what is wrong.
 *
 * @param onFile called before the contents of each file are read: to go slowly, or to give up by throwing
 */
export async function verifyRelease(
  ports: Hashing,
  store: Store,
  release: Release,
  depth: Depth,
  onFile: (path: string) => Promise<void> = async () => undefined,
): Promise<Problem | null> {
  try {
    const fault = await inRelease(store, release.name, (root) => faultOf(ports, root, release.manifest, depth, onFile));
    return fault === null ? null : damaged(release.name, fault);
  } catch (error) {
    if (errno(error) === "ENOENT") {
      return damaged(release.name, "something is gone");
    }
    if (errno(error) === "") {
      throw error;
    }
    return fileProblem(error, store.path, `${RELEASES}/${release.name}`);
  }
}

/** The same comparison for a directory that is not published, or not known to be whole: what is wrong, or null. */
export async function faultOf(
  ports: Hashing,
  root: Dir,
  manifest: Manifest,
  depth: Depth,
  onFile: (path: string) => Promise<void>,
): Promise<string | null> {
  const expected = expectedOf(manifest);
  const shape = await shapeFault(root, "", expected);
  if (shape !== null) {
    return shape;
  }
  const missing = expected.keys().next();
  if (missing.done === false) {
    return `${show(missing.value)} is missing`;
  }
  const deep = depth === "shape" ? [] : manifest.files.filter(({ path }) => depth === "all" || path.startsWith("bin/"));
  for (const file of deep) {
    await onFile(file.path);
    if ((await hashOf(ports, root, file.path)) !== file.sha256) {
      return `${show(file.path)} has other contents`;
    }
  }
  return null;
}

type Expected = ManifestFile | { readonly target: string } | "directory" | "manifest";

function expectedOf(manifest: Manifest): Map<string, Expected> {
  return new Map<string, Expected>([
    [MANIFEST, "manifest"],
    ...manifest.directories.map((path): [string, Expected] => [path, "directory"]),
    ...manifest.files.map((file): [string, Expected] => [file.path, file]),
    ...manifest.links.map(({ path, target }): [string, Expected] => [path, { target }]),
  ]);
}

/** Walks the tree and takes everything found off the list. */
async function shapeFault(directory: Dir, prefix: string, expected: Map<string, Expected>): Promise<string | null> {
  for (const name of await directory.list()) {
    const path = prefix + name;
    const wanted = expected.get(path);
    expected.delete(path);
    const fault = await entryFault(directory, name, wanted);
    if (fault !== null) {
      return `${show(path)} ${fault}`;
    }
    if (wanted === "directory") {
      const inner = await using(await directory.openDirectory(name), (below) =>
        shapeFault(below, `${path}/`, expected),
      );
      if (inner !== null) {
        return inner;
      }
    }
  }
  return null;
}

async function entryFault(directory: Dir, name: string, wanted: Expected | undefined): Promise<string | null> {
  const stat = await directory.lstat(name);
  if (wanted === undefined) {
    return "does not belong there";
  }
  if (wanted === "directory") {
    return plain(stat, "directory", 0o555);
  }
  if (wanted === "manifest") {
    return plain(stat, "file", 0o444);
  }
  if ("target" in wanted) {
    return stat.kind === "link" && (await directory.readlink(name)) === wanted.target ? null : "is another link";
  }
  const size = stat.size === wanted.size ? null : `has ${stat.size} bytes instead of ${wanted.size}`;
  return plain(stat, "file", wanted.mode) ?? size;
}

function plain(stat: Stat, kind: Stat["kind"], mode: number): string | null {
  if (stat.kind !== kind) {
    return `is no ${kind}`;
  }
  return stat.mode === mode ? null : `has mode ${stat.mode.toString(8)} instead of ${mode.toString(8)}`;
}

async function hashOf(ports: Hashing, root: Dir, path: string): Promise<string> {
  const [first = "", ...rest] = path.split("/");
  if (rest.length > 0) {
    return using(await root.openDirectory(first), (below) => hashOf(ports, below, rest.join("/")));
  }
  return using(await root.openFile(first, "read"), async (file) => {
    const hasher = ports.hash.sha256();
    const buffer = new Uint8Array(READ);
    for (let at = 0, count = -1; count !== 0; at += count) {
      count = await file.read(buffer, at);
      hasher.update(buffer.subarray(0, count));
    }
    return hasher.digest();
  });
}

function damaged(name: string, fault: string): Problem {
  return blocked("release-damaged", `Damaged release: ${fault}; remove it to have it fetched anew: ${name}`);
}
