/**
 * A strict reader of POSIX tar (ustar with pax headers, and GNU's long names), fed piece by piece. It holds one header
 * at a time and passes contents on as they are. What a release has no need of is refused: devices, FIFOs, sparse files,
 * anything that two readers could understand in two ways. Format: POSIX.1-2017, pax, "ustar Interchange Format".
 */
import { extensionOf, type Extension } from "./pax.ts";
import { ArchiveError, checkBlock, kindOf, number, plainPath, show, type TarEntry, text } from "./tar-header.ts";

const BLOCK = 512;
/** A pax header or GNU long name of a real release is below 1 kB. */
const LONGEST_EXTENSION = 64 * 1024;
/** GNU tar pads to 10 kB, and no writer by more than a few times that. */
const LONGEST_PADDING = 1024 * 1024;

/** Called in order: `entry`, for a file its `data` and then `finish`, … Each is awaited before the next one. */
export interface TarSink {
  entry(entry: TarEntry): Promise<void>;
  data(bytes: Uint8Array): Promise<void>;
  finish(): Promise<void>;
}

/** Where the reader stands: what the next bytes are. */
type State =
  | { readonly at: "header" }
  | { readonly at: "extension"; readonly type: string; readonly size: number }
  | { readonly at: "contents"; left: number; readonly padding: number }
  | { readonly at: "padding"; left: number; readonly file: boolean }
  | { readonly at: "end" };

export class TarReader {
  readonly #sink: TarSink;
  #state: State = { at: "header" };
  /** Bytes of a header or extension that came so far. */
  #collected = new Uint8Array(0);
  #extension: Extension = {};
  #zeroBlock = false;
  #trailing = 0;
  #last = "the start of the archive";

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  /** The entry that was met last, as it may stand in a status line. */
  get last(): string {
    return this.#last;
  }

  /** Takes the next bytes of the archive. They may be used after it returns: the caller must not overwrite them. */
  async push(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      rest = rest.subarray(await this.#take(rest));
    }
  }

  /** To be called at the end of the data: throws if the archive did not end there. */
  end(): void {
    if (this.#state.at !== "end") {
      throw new ArchiveError(`the archive ends too early, after ${this.#last}`, true);
    }
  }

  /** Uses up some of the bytes, and tells how many. */
  async #take(bytes: Uint8Array): Promise<number> {
    const state = this.#state;
    switch (state.at) {
      case "header": {
        const used = this.#collect(bytes, BLOCK);
        if (this.#collected.length === BLOCK) {
          await this.#header(this.#emptied());
        }
        return used;
      }
      case "extension": {
        const used = this.#collect(bytes, state.size);
        if (this.#collected.length === state.size) {
          this.#extend(state.type, this.#emptied());
          this.#pad(state.size, false);
        }
        return used;
      }
      case "contents": {
        const used = Math.min(bytes.length, state.left);
        await this.#sink.data(bytes.subarray(0, used));
        state.left -= used;
        if (state.left === 0) {
          this.#state = { at: "padding", left: state.padding, file: true };
          await this.#padded();
        }
        return used;
      }
      case "padding": {
        const used = Math.min(bytes.length, state.left);
        state.left -= used;
        await this.#padded();
        return used;
      }
      case "end":
        return this.#afterEnd(bytes);
    }
  }

  /** Keeps bytes until `wanted` are there. */
  #collect(bytes: Uint8Array, wanted: number): number {
    const used = Math.min(bytes.length, wanted - this.#collected.length);
    if (this.#collected.length === 0 && used === wanted) {
      this.#collected = bytes.slice(0, used);
      return used;
    }
    const joined = new Uint8Array(this.#collected.length + used);
    joined.set(this.#collected);
    joined.set(bytes.subarray(0, used), this.#collected.length);
    this.#collected = joined;
    return used;
  }

  #emptied(): Uint8Array {
    const bytes = this.#collected;
    this.#collected = new Uint8Array(0);
    return bytes;
  }

  #pad(size: number, file: boolean): void {
    const left = (BLOCK - (size % BLOCK)) % BLOCK;
    this.#state = left === 0 && !file ? { at: "header" } : { at: "padding", left, file };
  }

  async #padded(): Promise<void> {
    const state = this.#state;
    if (state.at === "padding" && state.left === 0) {
      this.#state = { at: "header" };
      if (state.file) {
        await this.#sink.finish();
      }
    }
  }

  #afterEnd(bytes: Uint8Array): number {
    this.#trailing += bytes.length;
    if (this.#trailing > LONGEST_PADDING || bytes.some((byte) => byte !== 0)) {
      throw new ArchiveError("something follows the end of the archive");
    }
    return bytes.length;
  }

  async #header(block: Uint8Array): Promise<void> {
    if (block.every((byte) => byte === 0)) {
      if (this.#zeroBlock && this.#hasExtension()) {
        throw new ArchiveError(`a header without an entry, after ${this.#last}`);
      }
      this.#state = this.#zeroBlock ? { at: "end" } : { at: "header" };
      this.#zeroBlock = true;
      return;
    }
    if (this.#zeroBlock) {
      throw new ArchiveError(`an entry behind the end of the archive, after ${this.#last}`);
    }
    checkBlock(block, this.#last);
    const type = String.fromCharCode(block[156] ?? 0);
    const size = number(block, 124, 12, this.#last);
    if ("xgLK".includes(type)) {
      this.#beginExtension(type, size);
      return;
    }
    await this.#entry(block, type, size);
  }

  #beginExtension(type: string, size: number): void {
    if (size === 0 || size > LONGEST_EXTENSION) {
      throw new ArchiveError(`a header of ${size} bytes, after ${this.#last}`);
    }
    this.#state = { at: "extension", type, size };
  }

  #hasExtension(): boolean {
    return Object.keys(this.#extension).length > 0;
  }

  #extend(type: string, bytes: Uint8Array): void {
    const found = extensionOf(type, bytes, this.#last);
    if (type === "g" && Object.keys(found).length > 0) {
      throw new ArchiveError(`a global header that names a file, after ${this.#last}`);
    }
    if (Object.keys(found).some((key) => key in this.#extension)) {
      throw new ArchiveError(`two names for one entry, after ${this.#last}`);
    }
    this.#extension = { ...this.#extension, ...found };
  }

  async #entry(block: Uint8Array, type: string, plainSize: number): Promise<void> {
    const extension = this.#extension;
    this.#extension = {};
    const path = extension.path ?? plainPath(block, this.#last);
    const kind = kindOf(type, path);
    const size = extension.size ?? plainSize;
    if (kind !== "file" && size !== 0) {
      throw new ArchiveError(`${show(path)}: a ${kind} with contents`);
    }
    const link = kind === "symlink" || kind === "hardlink";
    const target = link ? (extension.target ?? text(block.subarray(157, 257), path)) : "";
    this.#last = show(path);
    await this.#sink.entry({ kind, path, target, mode: number(block, 100, 8, show(path)), size });
    if (kind !== "file") {
      this.#state = { at: "header" };
      return;
    }
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    this.#state = size === 0 ? { at: "padding", left: 0, file: true } : { at: "contents", left: size, padding };
    await this.#padded();
  }
}
