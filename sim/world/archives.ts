/** Tiny releases: archives of the shape that Concourse has, and what has to be on the store when one is published. */
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync, constants } from "node:zlib";
import { packTar } from "modern-tar";
import type { Inflate, Ports } from "../../src/ports.ts";

export interface SimArchive {
  readonly version: string;
  /** `concourse-7.14.0-linux-amd64.tgz` */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  /** Contents by path in the release. */
  readonly files: ReadonlyMap<string, Buffer>;
}

export interface Archives {
  /** What the sources serve, oldest first. */
  readonly right: readonly SimArchive[];
  /** Whole archives of the same names with other contents: what a lying mirror serves. */
  readonly wrong: readonly SimArchive[];
  readonly byName: ReadonlyMap<string, SimArchive>;
  readonly bySha256: ReadonlyMap<string, SimArchive>;
}

export async function makeArchives(count: number): Promise<Archives> {
  const versions = Array.from({ length: count }, (_, index) => `7.${index}.0`);
  const right = await Promise.all(versions.map((version) => makeArchive(version, "right")));
  const wrong = await Promise.all(versions.map((version) => makeArchive(version, "wrong")));
  return {
    right,
    wrong,
    byName: new Map(right.map((archive) => [archive.name, archive])),
    bySha256: new Map([...right, ...wrong].map((archive) => [archive.sha256, archive])),
  };
}

async function makeArchive(version: string, salt: string): Promise<SimArchive> {
  const contents = (path: string) => createHash("sha512").update(`${salt} ${version} ${path}`).digest();
  const paths = ["bin/concourse", "fly-assets/fly.tgz", "resource-types/mock.json"];
  const files = new Map(paths.map((path) => [path, contents(path)]));
  const tar = await packTar(
    [...files].map(([path, body]) => ({
      header: {
        name: `concourse/${path}`,
        size: body.length,
        mode: path.startsWith("bin/") ? 0o755 : 0o644,
        type: "file" as const,
        mtime: new Date(0),
      },
      body,
    })),
  );
  const bytes = gzipSync(tar, { level: 1 });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { version, name: `concourse-${version}-linux-amd64.tgz`, bytes, sha256, files };
}

const prefixes = new Map<string, Uint8Array>();

/** What the beginning of a gzip stream inflates to. The same few archives come again and again: remembered. */
function inflated(beginning: Buffer, whole: boolean): Uint8Array {
  const key = `${whole} ${beginning.toString("latin1")}`;
  let known = prefixes.get(key);
  if (known === undefined) {
    known = gunzipSync(beginning, whole ? {} : { finishFlush: constants.Z_SYNC_FLUSH });
    if (prefixes.size > 5_000) prefixes.clear();
    prefixes.set(key, known);
  }
  return known;
}

/** Inflates piece by piece on the spot. `between` is awaited before each piece is given. */
export function simInflate(between: () => Promise<void>): Inflate {
  return {
    gunzip: async function* (compressed) {
      let beginning = Buffer.alloc(0);
      let given = 0;
      for await (const piece of compressed) {
        beginning = Buffer.concat([beginning, piece]);
        const out = inflated(beginning, false);
        if (out.length > given) {
          await between();
          yield out.slice(given);
          given = out.length;
        }
      }
      const all = inflated(beginning, true);
      if (all.length > given) yield all.slice(given);
    },
  };
}

export const simHash: Ports["hash"] = {
  sha256: () => {
    const hash = createHash("sha256");
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex") };
  },
};
