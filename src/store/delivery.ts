import type { Problem } from "../agent/contract.ts";
import type { Dir } from "../ports.ts";
import { type Served, StartOver, strongest } from "./answer.ts";
import { atMost, fileBytes, gzipOnly, localBytes } from "./bytes.ts";
import { download, type HttpArchive } from "./download.ts";
import { blocked, hostOf, isFull, SourceError, StoreError, waiting } from "./errors.ts";
import { discard, ensureDirectory, using } from "./files.ts";
import { install, type Installation, type Published } from "./install.ts";
import { HOLDER, PARTIAL } from "./layout.ts";
import { type Holder, holderOf, type Partial, readHolder, takePartial, writeHolder } from "./partial.ts";
import type { StorePorts } from "./ports.ts";
import { refusal, refusedBefore, streamProblem } from "./refusal.ts";
import { expectRoom } from "./room.ts";
import type { Keep, Streamed } from "./stream.ts";
import type { Archive, BadArchive } from "./types.ts";
import type { Contents } from "./unpack.ts";

/** How often one delivery begins anew because what it had was of no use. */
const MOST_STARTS = 3;
/** Three times the largest release, in bytes. */
const LARGEST_ARCHIVE = 5 * 1024 ** 3;

export interface Order extends Installation {
  /** Where it is fetched from. */
  readonly archive: Archive;
  /** There is another place to ask if this one fails. */
  readonly others: boolean;
}

/** Brings a release from one place into the store, and publishes it. */
export class Delivery {
  readonly #ports: StorePorts;
  readonly #order: Order;
  /** What the server said last. */
  #served: Served = { etag: null, modified: null, length: null };

  constructor(ports: StorePorts, order: Order) {
    this.#ports = ports;
    this.#order = order;
  }

  /** @throws SourceError if this place is at fault; StoreError, or an error with `code`, if the store is */
  async run(): Promise<Published> {
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
        this.#order.meter.bytes = 0;
      }
    }
  }

  async #inPartials<Result>(use: (partials: Dir) => Promise<Result>): Promise<Result> {
    return using(await ensureDirectory(this.#order.store.root, PARTIAL), use);
  }

  async #attempt(partials: Dir): Promise<Published> {
    const archive = this.#order.archive;
    if (archive.kind === "file") {
      await writeHolder(this.#ports, this.#order.store, partials, holderOf(this.#order.target, this.#member()));
      const bytes = localBytes(this.#ports.fs, archive.path, (size) => this.#expectRoom(size, size, 0));
      try {
        return await this.#install(this.#gzip(bytes), null);
      } catch (error) {
        await discard(partials, HOLDER);
        throw error;
      }
    }
    const before = await readHolder(partials);
    const partial = await takePartial(this.#ports, partials, this.#order.target.sha256, this.#member());
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
      ...holderOf(this.#order.target, this.#member()),
      partial: partial.name,
      url: archive.url,
      validator: known?.validator ?? null,
      total: known?.total ?? null,
    };
    await writeHolder(this.#ports, this.#order.store, partials, holder);
    await this.#expectRoom(holder.total, partial.size, 0);
    const rest = download(this.#ports, {
      archive,
      offset: partial.size,
      validator: holder.validator,
      bad: this.#bad(),
      others: this.#order.others,
      meter: this.#order.meter,
      signal: this.#order.options.signal,
      served: async (served) => {
        this.#served = served;
        const there = this.#order.meter.bytes;
        await this.#expectRoom(served.length, there, there);
        const validator = strongest(served);
        if (validator !== holder.validator || served.length !== holder.total) {
          holder = { ...holder, validator, total: served.length };
          await writeHolder(this.#ports, this.#order.store, partials, holder);
        }
      },
    });
    const bytes = partial.size === 0 ? this.#gzip(rest) : this.#continued(partial, holder.total, rest);
    return this.#install(bytes, { file: partial.file, from: partial.size });
  }

  /** The kept bytes, and then those that are missing. */
  async *#continued(
    partial: Partial,
    total: number | null,
    rest: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    for await (const bytes of fileBytes(partial.file, partial.size)) {
      this.#order.meter.bytes += bytes.length;
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

  #install(bytes: AsyncIterable<Uint8Array>, keep: Keep | null): Promise<Published> {
    const bounded = atMost(bytes, LARGEST_ARCHIVE, () => this.#tooLarge());
    return install(this.#ports, this.#order, bounded, keep, (streamed) => this.#judge(streamed, (keep?.from ?? 0) > 0));
  }

  /** @throws StartOver if the fault may lie in bytes kept from an earlier life */
  #judge(streamed: Streamed, resumed: boolean): Contents {
    const right = streamed.sha256 === this.#order.target.sha256;
    if (right && streamed.contents !== null) {
      return streamed.contents;
    }
    if (!right && resumed) {
      throw new StartOver("what was kept of the archive is not part of it");
    }
    throw this.#refused(streamProblem(streamed, this.#order.target, this.#source()));
  }

  #tooLarge(): SourceError {
    const message = `Archive of ${this.#order.target.version} refused: larger than any release; correct it at ${this.#source()}`;
    return this.#refused(blocked("bad-archive", message));
  }

  #refused(problem: Problem): SourceError {
    const now = this.#ports.clock.steady();
    return refusal(problem, this.#order.archive, this.#order.target, this.#served, this.#refusedBefore(), now);
  }

  /** Not to be fetched: it was bad, and not long ago. */
  #bad(): BadArchive | null {
    const bad = this.#refusedBefore();
    return bad !== null && this.#ports.clock.steady() < bad.until ? bad : null;
  }

  #refusedBefore(): BadArchive | null {
    return refusedBefore(this.#order.options.bad, this.#order.archive, this.#order.target);
  }

  /**
   * @param kept bytes of the archive that are kept already
   * @param unpacked bytes of it that are unpacked already
   */
  async #expectRoom(archive: number | null, kept: number, unpacked: number): Promise<void> {
    const { store, target, meter } = this.#order;
    meter.total = archive;
    if (archive === null) return;
    if (archive > LARGEST_ARCHIVE) throw this.#tooLarge();
    await expectRoom(store, target.version, { keep: archive - kept, unpack: archive - unpacked });
  }

  #member(): string {
    return this.#order.store.orders.member;
  }

  #source(): string {
    return this.#order.archive.kind === "file" ? "the resource" : hostOf(this.#order.archive.url);
  }
}

/** True if what was kept of the download helps nobody: it is bad, or its room is needed. */
function isOfNoUse(error: unknown): boolean {
  if (error instanceof StoreError) {
    return error.problem.code === "no-space" || (error instanceof SourceError && error.bad.length > 0);
  }
  return error instanceof StartOver || isFull(error);
}
