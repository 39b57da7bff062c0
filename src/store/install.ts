import type { Held } from "../ports.ts";
import { StoreError, waiting } from "./errors.ts";
import { discard, ensureDirectory, using } from "./files.ts";
import { STAGING, stagingName } from "./layout.ts";
import type { Meter } from "./meter.ts";
import type { StorePorts } from "./ports.ts";
import { publish, seal, type Staged } from "./publish.ts";
import { type Keep, type Streamed, stream } from "./stream.ts";
import type { FetchOptions, Store, Target } from "./types.ts";
import type { Contents } from "./unpack.ts";

/** What is to be installed, and how. */
export interface Installation {
  readonly store: Store;
  readonly target: Target;
  readonly options: FetchOptions;
  /** The store's lock, if it was taken. */
  readonly held: Held | null;
  readonly meter: Meter;
}

export interface Published {
  readonly name: string;
  readonly manifestSha256: string;
}

/**
 * Unpacks an archive into a staging directory of this unit's own while its bytes come, and publishes it. Whatever fails,
 * the directory goes.
 *
 * @param keep where the bytes are kept for a resumed download; null: they are not
 * @param judge says whether what came is the release: gives its contents, or throws
 * @throws StoreError, or an error with `code`, if the store is at fault; what `bytes` and `judge` throw
 */
export async function install(
  ports: StorePorts,
  installation: Installation,
  bytes: AsyncIterable<Uint8Array>,
  keep: Keep | null,
  judge: (streamed: Streamed) => Contents,
): Promise<Published> {
  const { store, meter, options } = installation;
  return using(await ensureDirectory(store.root, STAGING), async (parent) => {
    const name = stagingName(store.orders.member, ports.random.uuid());
    await parent.makeDirectory(name, 0o700);
    try {
      return await using(await parent.openDirectory(name), async (directory) => {
        meter.enter("downloading");
        const received = () => meter.enter("unpacking");
        const contents = judge(await stream(ports, bytes, keep, directory, received, options.signal));
        return sealAndPublish(ports, installation, { parent, name, directory }, contents);
      });
    } catch (error) {
      await discard(parent, name);
      throw error;
    }
  });
}

async function sealAndPublish(
  ports: StorePorts,
  { store, target, options, held }: Installation,
  staged: Staged,
  contents: Contents,
): Promise<Published> {
  const hasher = ports.hash.sha256();
  hasher.update(await seal(staged, target, contents));
  const manifestSha256 = hasher.digest();
  if (held !== null && !(await held.valid())) {
    throw new StoreError(
      waiting("lock-lost", `The lock file in ${store.path} was replaced: never remove it; fetching again`),
    );
  }
  const name = await publish(ports, store, staged, { ...target, manifestSha256 }, options.damaged ?? []);
  return { name, manifestSha256 };
}
