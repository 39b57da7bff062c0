import type { File } from "../ports.ts";
import type { Queue } from "./queue.ts";

/** Bytes that may wait for the disk before the writer makes its caller wait. */
const BACKLOG = 4 * 1024 * 1024;
/** Bytes after which the disk is set to work on what it has got, so that the last `fsync` finds little to do. */
const FLUSH_EVERY = 32 * 1024 * 1024;

/** Appends to a file, as many pieces a call as have come while the last call ran. */
export class Writer {
  readonly #file: File;
  readonly #flushes: Queue | null;
  #position: number;
  #pending: Uint8Array[] = [];
  #backlog = 0;
  #unflushed = 0;
  #running: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  /** `flushes`: where to ask for write-back while it goes on; null for a file that is soon deleted. */
  constructor(file: File, position: number, flushes: Queue | null) {
    this.#file = file;
    this.#position = position;
    this.#flushes = flushes;
  }

  /** Hands over bytes, which must not change any more. Waits only while too many are waiting for the disk. */
  async add(bytes: Uint8Array): Promise<void> {
    this.#pending.push(bytes);
    this.#backlog += bytes.length;
    this.#running ??= this.#run();
    if (this.#backlog > BACKLOG) {
      await this.finish();
    }
    this.#check();
  }

  /** Waits until everything has been handed to the file. */
  async finish(): Promise<void> {
    await this.#running;
    this.#check();
  }

  async #run(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        await this.#writeBatch();
      }
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#running = null;
    }
  }

  async #writeBatch(): Promise<void> {
    const batch = this.#pending;
    const size = batch.reduce((sum, piece) => sum + piece.length, 0);
    this.#pending = [];
    await this.#file.write(batch, this.#position);
    this.#position += size;
    this.#backlog -= size;
    this.#unflushed += size;
    if (this.#flushes !== null && this.#unflushed >= FLUSH_EVERY) {
      this.#unflushed = 0;
      await this.#flushes.add(() => this.#file.syncData());
    }
  }

  #check(): void {
    if (this.#failure !== null) {
      throw this.#failure.error;
    }
  }
}
