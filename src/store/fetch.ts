import type { Target } from "../agent/contract.ts";
import type { Held } from "../ports.ts";
import { Delivery, type Order } from "./delivery.ts";
import { aboutFiles, allFailed, isFull, SourceError } from "./errors.ts";
import { ensureDirectory, orNull, using } from "./files.ts";
import { PARTIAL, RELEASES } from "./layout.ts";
import type { Published } from "./install.ts";
import { takeLock } from "./lock.ts";
import { Meter } from "./meter.ts";
import { readHolder, removePartials } from "./partial.ts";
import { writeCopiesForPeople } from "./people.ts";
import type { StorePorts } from "./ports.ts";
import { verifyRelease } from "./inspect.ts";
import { findRelease } from "./release.ts";
import { sweepOwn } from "./temporary.ts";
import type { Archive, FetchOptions, FetchOutcome, Release, Store } from "./types.ts";

/** Bytes that a look beforehand did not find missing were: a quota, or somebody else's file. Milliseconds. */
const FULL_AGAIN = 20_000;

/**
 * Fetches a release and publishes it, or finds that it is published: the one way in which releases come into a store.
 *
 * Bytes are hashed, kept in `partial/`, inflated and unpacked as they come. The kept download is what makes a crash
 * cheap: whoever fetches next, this unit or another, takes it over, reads it back and goes on where it ends. It is
 * deleted once the release is published. Nothing appears under `releases/` before all of it is checked and durable.
 *
 * The lock only spares a second download. Everything holds without it.
 *
 * `locate` tells where the archive lies: the first place that has it wins. It is called once this unit has the lock:
 * asking may cost as much as fetching (`resource-get` brings the whole archive from the controller).
 *
 * @throws StoreError with the problem in the words of the status line
 * @throws the signal's reason if it was raised
 */
export async function fetchRelease(
  ports: StorePorts,
  store: Store,
  target: Target,
  locate: () => Promise<readonly Archive[]>,
  options: FetchOptions,
): Promise<FetchOutcome> {
  const work = async (): Promise<FetchOutcome> => {
    if (!store.writable) {
      throw Object.assign(new Error("read-only"), { code: "EROFS" });
    }
    const held = options.lock ? await takeLock(ports, store) : null;
    if (options.lock && held === null) {
      return { kind: "held", holder: await holderName(store) };
    }
    try {
      return await fetchHeld(ports, store, target, await locate(), options, held);
    } finally {
      await held?.release();
    }
  };
  return aboutFiles(
    store,
    "",
    () =>
      work().catch((error: unknown) => {
        options.signal.throwIfAborted();
        throw error;
      }),
    (error) => (isFull(error) ? FULL_AGAIN : null),
  );
}

/**
 * What is left to do once a release is published, by whomever: people see it, and nothing is kept of its download.
 * Writes nothing where all of that is done. Throws what a failing disk gives.
 */
export async function finishPublished(ports: Pick<StorePorts, "random">, store: Store, target: Target): Promise<void> {
  await writeCopiesForPeople(ports, store);
  await sweepOwn(store, "directories");
  await using(await ensureDirectory(store.root, PARTIAL), (partials) => removePartials(partials, target.sha256));
}

async function holderName(store: Store): Promise<string | null> {
  const partials = await orNull("ENOENT", store.root.openDirectory(PARTIAL));
  return partials === null ? null : using(partials, async () => (await readHolder(partials))?.member ?? null);
}

async function fetchHeld(
  ports: StorePorts,
  store: Store,
  target: Target,
  archives: readonly Archive[],
  options: FetchOptions,
  held: Held | null,
): Promise<FetchOutcome> {
  const meter = new Meter(ports.clock, options.report);
  await sweepOwn(store, "directories");
  const found = await publishedBefore(ports, store, target, options);
  const order = { store, target, options, held, meter };
  const { name, manifestSha256 } = found ?? (await deliverFromAny(ports, archives, order));
  await finishPublished(ports, store, target);
  return { kind: "published", name, manifestSha256, fetched: meter.fetched };
}

/** A whole copy that is there already: whoever had the lock before us may have published it. */
async function publishedBefore(
  ports: StorePorts,
  store: Store,
  target: Target,
  { damaged, signal }: FetchOptions,
): Promise<Release | null> {
  const found = await findRelease(ports, store, target, damaged);
  if (found === null) {
    return null;
  }
  // Nobody has agreed on its manifest yet: then it is looked at from end to end.
  const depth = target.manifestSha256 === null ? "all" : "shape";
  if ((await verifyRelease(ports, store, found, depth, async () => signal.throwIfAborted())) !== null) {
    return null;
  }
  // Whoever published it may not have come to it yet.
  await using(await store.root.openDirectory(RELEASES), (releases) => releases.sync());
  return found;
}

/** The first place that has it. */
async function deliverFromAny(
  ports: StorePorts,
  archives: readonly Archive[],
  order: Omit<Order, "archive" | "others">,
): Promise<Published> {
  const failures: SourceError[] = [];
  for (const archive of archives) {
    const others = archive !== archives.at(-1);
    try {
      return await new Delivery(ports, { ...order, archive, others }).run();
    } catch (error) {
      if (!(error instanceof SourceError)) {
        throw error;
      }
      failures.push(error);
      order.meter.bytes = 0;
    }
  }
  throw allFailed(failures);
}
