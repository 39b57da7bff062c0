/** Comparing a release with its manifest. */
import type { Problem } from "../agent/contract.ts";
import type { Dir, Ports, Stat } from "../ports.ts";
import { aboutFiles, errno, StoreError, waiting } from "./errors.ts";
import { using } from "./files.ts";
import { MANIFEST, RELEASES } from "./layout.ts";
import { inRelease } from "./release.ts";
import { show } from "./tar-header.ts";
import type { Depth, Manifest, ManifestFile, Release, Store } from "./types.ts";

type Hashing = Pick<Ports, "hash">;

/** Bytes that are read at once. */
const READ = 1024 * 1024;

/** What a release has that its manifest does not say, or the other way round. */
export interface Flaw {
  /** Below the release's directory. */
  readonly path: string;
  /** "has other contents" */
  readonly what: string;
}

export interface Inspection {
  /** The first one that was found; null if the release agrees with its manifest. */
  readonly flaw: Flaw | null;
  /** Another one as soon as anything was done to any file, also if it looks the same afterwards. */
  readonly mark: string;
}

/**
 * Compares a release with its manifest.
 *
 * @param onFile called before the contents of each file are read: to go slowly, or to give up by throwing
 * @throws StoreError if the store cannot be read
 */
export async function inspectRelease(
  ports: Hashing,
  store: Store,
  release: Release,
  depth: Depth,
  onFile?: (path: string) => Promise<void>,
): Promise<Inspection> {
  const marks: string[] = [];
  const flaw = await aboutFiles(store, `${RELEASES}/${release.name}`, () =>
    inRelease(store, release.name, async (root) => {
      const seen = await flawOf(ports, root, release.manifest, depth, onFile, marks).catch((error: unknown): Flaw => {
        if (errno(error) !== "ENOENT") throw error;
        return { path: release.name, what: "lacks something" };
      });
      if (seen !== null) await expectThere(store, release.name, root);
      return seen;
    }).catch((error: unknown) => {
      throw errno(error) === "ENOENT" ? gone(release.name) : error;
    }),
  );
  return { flaw, mark: marks.join(" ") };
}

/** What a clean-up takes away while it is read is not damaged: its name leads elsewhere, or nowhere. */
async function expectThere(store: Store, name: string, root: Dir): Promise<void> {
  const [{ device, inode }, named] = await Promise.all([
    root.stat(),
    using(await store.root.openDirectory(RELEASES), (releases) => releases.lstat(name)),
  ]);
  if (named.device !== device || named.inode !== inode) throw gone(name);
}

function gone(name: string): StoreError {
  return new StoreError(waiting("release-gone", `Release ${name} was moved away while it was read; looking again`));
}

/** The same as a problem; null if the release agrees with its manifest. */
export async function verifyRelease(
  ports: Hashing,
  store: Store,
  release: Release,
  depth: Depth,
  onFile?: (path: string) => Promise<void>,
): Promise<Problem | null> {
  const { flaw } = await inspectRelease(ports, store, release, depth, onFile);
  return flaw === null ? null : damageProblem(flaw);
}

/** The same comparison for a directory that is not published, or not known to be whole. */
export async function flawOf(
  ports: Hashing,
  root: Dir,
  manifest: Manifest,
  depth: Depth,
  onFile: (path: string) => Promise<void> = async () => undefined,
  marks: string[] = [],
): Promise<Flaw | null> {
  const expected = expectedOf(manifest);
  const shape = await shapeFlaw(root, "", expected, marks);
  if (shape !== null) {
    return shape;
  }
  const missing = expected.keys().next();
  if (missing.done === false) {
    return { path: missing.value, what: "is missing" };
  }
  const deep = depth === "shape" ? [] : manifest.files.filter(({ path }) => depth === "all" || path.startsWith("bin/"));
  for (const file of deep) {
    await onFile(file.path);
    if ((await hashOf(ports, root, file.path, file.size)) !== file.sha256) {
      return { path: file.path, what: "has other contents" };
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

/** Walks the tree, takes everything found off the list and notes when it was last touched. */
async function shapeFlaw(
  directory: Dir,
  prefix: string,
  expected: Map<string, Expected>,
  marks: string[],
): Promise<Flaw | null> {
  for (const name of await directory.list()) {
    const path = prefix + name;
    const wanted = expected.get(path);
    expected.delete(path);
    const stat = await directory.lstat(name);
    marks.push(`${stat.inode}:${stat.changedMs}`);
    const what = await entryFault(directory, name, stat, wanted);
    if (what !== null) {
      return { path, what };
    }
    if (wanted === "directory") {
      const inner = await using(await directory.openDirectory(name), (below) =>
        shapeFlaw(below, `${path}/`, expected, marks),
      );
      if (inner !== null) {
        return inner;
      }
    }
  }
  return null;
}

async function entryFault(
  directory: Dir,
  name: string,
  stat: Stat,
  wanted: Expected | undefined,
): Promise<string | null> {
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

/** `size`: what it should have, so that small files are read into small memory. */
async function hashOf(ports: Hashing, root: Dir, path: string, size: number): Promise<string> {
  const [first = "", ...rest] = path.split("/");
  if (rest.length > 0) {
    return using(await root.openDirectory(first), (below) => hashOf(ports, below, rest.join("/"), size));
  }
  return using(await root.openFile(first, "read"), async (file) => {
    const hasher = ports.hash.sha256();
    const buffer = new Uint8Array(Math.min(READ, size + 1));
    for (let at = 0, count = -1; count !== 0; at += count) {
      count = await file.read(buffer, at);
      hasher.update(buffer.subarray(0, count));
    }
    return hasher.digest();
  });
}

/** A release that is not what its manifest says, in the words of the status line. */
export function damageProblem({ path, what }: Flaw): Problem {
  return waiting("release-damaged", `Damaged release: ${show(path)} ${what}; fetching a new copy beside it`);
}
