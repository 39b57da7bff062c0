import type { Problem, Target } from "../agent/contract.ts";
import type { Dir, Held } from "../ports.ts";
import { fileBytes, gzipOnly, localBytes } from "./bytes.ts";
import { download, type HttpArchive, type Served, StartOver, strongest } from "./download.ts";
import { allFailed, blocked, errno, fileProblem, hostOf, SourceError, StoreError, waiting } from "./errors.ts";
import { discard, ensureDirectory, orNull, using } from "./files.ts";
import { HOLDER, PARTIAL, RELEASES, STAGING, stagingName } from "./layout.ts";
import { takeLock } from "./lock.ts";
import { Meter } from "./meter.ts";
import {
  type Holder,
  holderOf,
  type Partial,
  readHolder,
  removePartials,
  takePartial,
  writeHolder,
} from "./partial.ts";
import { writeCopiesForPeople } from "./people.ts";
import type { StorePorts } from "./ports.ts";
import { publish, seal, type Staged } from "./publish.ts";
import { findRelease, verifyRelease } from "./release.ts";
import { LATER } from "./retry.ts";
import { type Keep, type Streamed, stream } from "./stream.ts";
import { sweepOwn } from "./temporary.ts";
import type { Archive, BadArchive, FetchOptions, FetchOutcome, Release, Store } from "./types.ts";
import type { Contents } from "./unpack.ts";

/** How often one call begins anew because what it had was of no use. */
const MOST_STARTS = 3;
/** A release takes about twice the room of its archive; the rest is margin. */
const UNPACKED_RATIO = 2.5;
/** Bytes that a look beforehand did not find missing were: a quota, or somebody else's file. Milliseconds. */
const FULL_AGAIN = 20_000;
/** Nothing short of reading it all tells whether a bad archive has been exchanged. Milliseconds. */
const BAD_AGAIN = { file: 60_000, http: LATER } as const;
/** The longest time after which a bad archive is fetched again though it looks the same; it begins with `LATER`. */
const LONGEST_REST = 24 * 60 * 60 * 1000;

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
  try {
    if (!store.writable) {
      throw Object.assign(new Error("read-only"), { code: "EROFS" });
    }
    const held = options.lock ? await takeLock(ports, store) : null;
    if (options.lock && held === null) {
      return { kind: "held", holder: await holderName(store) };
    }
    try {
      const [first, ...others] = await locate();
      if (first === undefined) {
        throw new Error("a target that nobody has");
      }
      return await new Fetch(ports, store, target, [first, ...others], options, held).run();
    } finally {
      await held?.release();
    }
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof StoreError || errno(error) === "") {
      throw error;
    }
    throw new StoreError(fileProblem(error, store.path, ""), {
      cause: error,
      retryMs: isFull(error) ? FULL_AGAIN : null,
    });
  }
}

/**
 * What is left to do once a release is published, by whomever: people see it, and nothing is kept of its download.
 * Writes nothing where all of that is done. Throws what a failing disk gives.
 */
export async function finishPublished(ports: Pick<StorePorts, "random">, store: Store, target: Target): Promise<void> {
  await writeCopiesForPeople(ports, store);
  await using(await ensureDirectory(store.root, PARTIAL), (partials) => removePartials(partials, target.sha256));
}

async function holderName(store: Store): Promise<string | null> {
  const partials = await orNull("ENOENT", store.root.openDirectory(PARTIAL));
  return partials === null ? null : using(partials, async () => (await readHolder(partials))?.member ?? null);
}

const NOTHING_SERVED: Served = { etag: null, modified: null, length: null };

/** One call of `fetchRelease` under its lock. */
class Fetch {
  readonly #ports: StorePorts;
  readonly #store: Store;
  readonly #target: Target;
  readonly #archives: readonly Archive[];
  readonly #options: FetchOptions;
  readonly #held: Held | null;
  readonly #meter: Meter;
  /** Where it is fetched from at the moment, and what was said there last. */
  #archive: Archive;
  #served: Served = NOTHING_SERVED;

  constructor(
    ports: StorePorts,
    store: Store,
    target: Target,
    archives: readonly [Archive, ...Archive[]],
    options: FetchOptions,
    held: Held | null,
  ) {
    this.#ports = ports;
    this.#store = store;
    this.#target = target;
    this.#archives = archives;
    this.#archive = archives[0];
    this.#options = options;
    this.#held = held;
    this.#meter = new Meter(ports.clock, options.report);
  }

  async run(): Promise<FetchOutcome> {
    await sweepOwn(this.#store);
    const found = await this.#published();
    const { name, manifestSha256 } = found ?? (await this.#fetchFromAny());
    await finishPublished(this.#ports, this.#store, this.#target);
    return { kind: "published", name, manifestSha256, fetched: this.#meter.fetched };
  }

  /** A whole copy that is there already: whoever had the lock before us may have published it. */
  async #published(): Promise<Release | null> {
    const found = await findRelease(this.#ports, this.#store, this.#target, this.#options.damaged);
    if (found === null) {
      return null;
    }
    // Nobody has agreed on its manifest yet: then it is looked at from end to end.
    const depth = this.#target.manifestSha256 === null ? "all" : "shape";
    const go = async () => this.#options.signal.throwIfAborted();
    if ((await verifyRelease(this.#ports, this.#store, found, depth, go)) !== null) {
      return null;
    }
    // Whoever published it may not have come to it yet.
    await using(await this.#store.root.openDirectory(RELEASES), (releases) => releases.sync());
    return found;
  }

  async #fetchFromAny(): Promise<Published> {
    const failures: SourceError[] = [];
    for (const archive of this.#archives) {
      this.#archive = archive;
      this.#served = NOTHING_SERVED;
      try {
        return await this.#fetch();
      } catch (error) {
        if (!(error instanceof SourceError)) {
          throw error;
        }
        failures.push(error);
        this.#meter.bytes = 0;
      }
    }
    throw allFailed(failures);
  }

  async #fetch(): Promise<Published> {
    for (let start = 1; ; start++) {
      try {
        return await this.#inPartials((partials) => this.#attempt(partials));
      } catch (error) {
        if (!(error instanceof StartOver)) {
          throw error;
        }
        if (start >= MOST_STARTS) {
          throw new SourceError(waiting("source-changes", `${this.#source()} changes while it is read; retrying`));
        }
        this.#meter.bytes = 0;
      }
    }
  }

  async #inPartials<Result>(use: (partials: Dir) => Promise<Result>): Promise<Result> {
    return using(await ensureDirectory(this.#store.root, PARTIAL), use);
  }

  async #attempt(partials: Dir): Promise<Published> {
    const archive = this.#archive;
    if (archive.kind === "file") {
      await writeHolder(this.#ports, this.#store, partials, holderOf(this.#target, this.#member()));
      const bytes = localBytes(this.#ports.fs, archive.path, async (size) => this.#checkSpace(size, 0));
      try {
        return await this.#stage(this.#gzip(bytes), null);
      } catch (error) {
        await discard(partials, HOLDER);
        throw error;
      }
    }
    const before = await readHolder(partials);
    const partial = await takePartial(this.#ports, partials, this.#target.sha256, this.#member());
    return using(partial.file, async (file) => {
      try {
        return await this.#resume(partials, archive, partial, before);
      } catch (error) {
        const empty = await file.stat().then(({ size }) => size === 0);
        if (empty || isOfNoUse(error)) {
          await discard(partials, partial.name);
          await discard(partials, HOLDER);
        }
        throw error;
      }
    });
  }

  /** Goes on with a kept download, or begins one. */
  async #resume(partials: Dir, archive: HttpArchive, partial: Partial, before: Holder | null): Promise<Published> {
    const known = before !== null && before.partial === partial.from && before.url === archive.url ? before : null;
    let holder: Holder = {
      ...holderOf(this.#target, this.#member()),
      partial: partial.name,
      url: archive.url,
      validator: known?.validator ?? null,
      total: known?.total ?? null,
    };
    await writeHolder(this.#ports, this.#store, partials, holder);
    this.#meter.total = holder.total;
    const rest = download(this.#ports, {
      archive,
      offset: partial.size,
      validator: holder.validator,
      bad: this.#bad(archive),
      others: archive !== this.#archives.at(-1),
      meter: this.#meter,
      signal: this.#options.signal,
      served: async (served) => {
        this.#served = served;
        await this.#checkSpace(served.length, this.#meter.bytes);
        const validator = strongest(served);
        if (validator !== holder.validator || served.length !== holder.total) {
          holder = { ...holder, validator, total: served.length };
          await writeHolder(this.#ports, this.#store, partials, holder);
        }
      },
    });
    const bytes = partial.size === 0 ? this.#gzip(rest) : this.#continued(partial, holder.total, rest);
    return this.#stage(bytes, { file: partial.file, from: partial.size });
  }

  /** The kept bytes, and then those that are missing. */
  async *#continued(
    partial: Partial,
    total: number | null,
    rest: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    for await (const bytes of fileBytes(partial.file, partial.size)) {
      this.#meter.bytes += bytes.length;
      yield bytes;
    }
    if (partial.size !== total) {
      yield* rest;
    }
  }

  #gzip(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    return gzipOnly(bytes, (beginning) => {
      const page = /^\s*</.test(new TextDecoder().decode(beginning.subarray(0, 64)));
      const what = page ? "a web page" : "something";
      return this.#refused(
        blocked("not-an-archive", `${this.#source()} gives ${what} instead of an archive: check release-mirror`),
      );
    });
  }

  async #stage(bytes: AsyncIterable<Uint8Array>, keep: Keep | null): Promise<Published> {
    return using(await ensureDirectory(this.#store.root, STAGING), async (parent) => {
      const name = stagingName(this.#member(), this.#ports.random.uuid());
      await parent.makeDirectory(name, 0o700);
      try {
        return await using(await parent.openDirectory(name), async (directory) =>
          this.#unpackAndPublish(bytes, keep, { parent, name, directory }),
        );
      } catch (error) {
        await discard(parent, name);
        throw error;
      }
    });
  }

  async #unpackAndPublish(bytes: AsyncIterable<Uint8Array>, keep: Keep | null, staged: Staged): Promise<Published> {
    const received = () => this.#meter.enter("unpacking");
    this.#meter.enter("downloading");
    const streamed = await stream(this.#ports, bytes, keep, staged.directory, received, this.#options.signal);
    const contents = this.#judge(streamed, keep !== null && keep.from > 0);
    const manifest = await seal(staged, this.#target, contents);
    const hasher = this.#ports.hash.sha256();
    hasher.update(manifest);
    const manifestSha256 = hasher.digest();
    if (this.#held !== null && !(await this.#held.valid())) {
      throw new StoreError(
        waiting("lock-lost", `The lock file in ${this.#store.path} was replaced: never remove it; fetching again`),
      );
    }
    const target = { ...this.#target, manifestSha256 };
    const name = await publish(this.#ports, this.#store, staged, target, this.#options.damaged ?? []);
    return { name, manifestSha256 };
  }

  /** @throws StartOver if the fault may lie in bytes kept from an earlier life */
  #judge({ sha256, bytes, contents, fault }: Streamed, resumed: boolean): Contents {
    const { version } = this.#target;
    const right = sha256 === this.#target.sha256;
    if (right && contents !== null) {
      return contents;
    }
    if (!right && resumed) {
      throw new StartOver("what was kept of the archive is not part of it");
    }
    if (right) {
      throw this.#refused(blocked("bad-archive", `Archive of ${version} refused: ${fault?.message ?? "no contents"}`));
    }
    const source = this.#source();
    if (fault?.truncated === true) {
      const message = `Archive of ${version} ends after ${bytes} bytes: put the whole file at ${source}`;
      throw this.#refused(blocked("truncated", message));
    }
    const digests = `sha256 ${sha256.slice(0, 8)}…, not ${this.#target.sha256.slice(0, 8)}…`;
    const message = `Archive of ${version} has ${digests}: correct it at ${source} or set release-digest`;
    throw this.#refused(blocked("digest-mismatch", message));
  }

  /** The error for an archive that need not be fetched again as long as it looks the same. */
  #refused(problem: Problem): SourceError {
    const archive = this.#archive;
    if (archive.kind === "file") {
      return new SourceError(problem, { retryMs: BAD_AGAIN.file });
    }
    const before = this.#refusedBefore(archive);
    const rest = before === null ? LATER : Math.min(before.rest * 2, LONGEST_REST);
    const until = this.#ports.clock.steady() + rest;
    const bad = { url: archive.url, until, rest, wanted: this.#target.sha256, ...this.#served, problem };
    const known = bad.etag !== null || bad.modified !== null;
    return new SourceError(problem, { bad: [bad], retryMs: known ? null : BAD_AGAIN.http });
  }

  #bad(archive: HttpArchive): BadArchive | null {
    const bad = this.#refusedBefore(archive);
    return bad !== null && this.#ports.clock.steady() < bad.until ? bad : null;
  }

  #refusedBefore(archive: HttpArchive): BadArchive | null {
    const { bad } = this.#options;
    return bad.find(({ wanted, url }) => wanted === this.#target.sha256 && url === archive.url) ?? null;
  }

  /** Before anything is written that could not end well. `there`: bytes of the archive that take room already. */
  async #checkSpace(archive: number | null, there: number): Promise<void> {
    if (archive === null) {
      return;
    }
    this.#meter.total = archive;
    const kept = this.#archive.kind === "file" ? 0 : Math.max(0, archive - there);
    const needed = kept + archive * UNPACKED_RATIO;
    const { free } = await this.#store.root.space();
    if (free < needed) {
      const [missing, path] = [Math.ceil((needed - free) / 1e6), this.#store.path];
      throw new StoreError(
        waiting("no-space", `${path} needs ${missing} MB more for ${this.#target.version}: free some (df -h ${path})`),
      );
    }
  }

  #member(): string {
    return this.#store.orders.member;
  }

  #source(): string {
    return this.#archive.kind === "file" ? "the resource" : hostOf(this.#archive.url);
  }
}

interface Published {
  readonly name: string;
  readonly manifestSha256: string;
}

/** True if what was kept of the download helps nobody: it is bad, or its room is needed. */
function isOfNoUse(error: unknown): boolean {
  if (error instanceof StoreError) {
    return error.problem.code === "no-space" || (error instanceof SourceError && error.bad.length > 0);
  }
  return error instanceof StartOver || isFull(error);
}

function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(errno(error));
}
