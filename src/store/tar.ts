/**
 * A strict reader of POSIX tar (ustar with pax headers, and GNU's long names), fed piece by piece. It holds one header
 * at a time and passes contents on as they are. What a release has no need of is refused: devices, FIFOs, sparse files,
 * anything that two readers could understand in two ways. Format: POSIX.1-2017, pax, "ustar Interchange Format".
 */

const BLOCK = 512;
/** A pax header or GNU long name of a real release is below 1 kB. */
const LONGEST_EXTENSION = 64 * 1024;
/** GNU tar pads to 10 kB, and no writer by more than a few times that. */
const LONGEST_PADDING = 1024 * 1024;

/** Why an archive is refused; the message names the entry. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
  /** The archive ends too early. */
  readonly truncated: boolean;

  constructor(message: string, truncated = false) {
    super(message);
    this.truncated = truncated;
  }
}

export interface TarEntry {
  readonly kind: "file" | "directory" | "symlink" | "hardlink";
  /** As it stands in the archive. */
  readonly path: string;
  /** Where a link leads, as it stands in the archive; empty for others. */
  readonly target: string;
  readonly mode: number;
  /** Bytes of contents: 0 for all but files. */
  readonly size: number;
}

/** Called in order: `entry`, for a file its `data` and then `finish`, … Each is awaited before the next one. */
export interface TarSink {
  entry(entry: TarEntry): Promise<void>;
  data(bytes: Uint8Array): Promise<void>;
  finish(): Promise<void>;
}

interface Extension {
  readonly path?: string;
  readonly target?: string;
  readonly size?: number;
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

/** A name from an archive as it may stand in a status line. */
export function show(path: string): string {
  const plain = JSON.stringify(path).slice(1, -1);
  return plain.length <= 60 ? plain : `…${plain.slice(-59)}`;
}

function checkBlock(block: Uint8Array, last: string): void {
  const magic = String.fromCharCode(...block.subarray(257, 262));
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (magic !== "ustar" || sum !== number(block, 148, 8, last)) {
    throw new ArchiveError(`no tar header where one should be, after ${last}`);
  }
}

function kindOf(type: string, path: string): TarEntry["kind"] {
  switch (type) {
    case "0":
    case "\0":
      return "file";
    case "1":
      return "hardlink";
    case "2":
      return "symlink";
    case "5":
      return "directory";
    case "3":
    case "4":
      throw new ArchiveError(`${show(path)}: a device`);
    case "6":
      throw new ArchiveError(`${show(path)}: a FIFO`);
    case "S":
      throw new ArchiveError(`${show(path)}: a sparse file`);
    default:
      throw new ArchiveError(`${show(path)}: an entry of unknown type ${JSON.stringify(type)}`);
  }
}

function plainPath(block: Uint8Array, last: string): string {
  const name = text(block.subarray(0, 100), `the entry after ${last}`);
  // GNU's own format ("ustar", blank) keeps other things where POSIX has the prefix.
  const posix = block[262] === 0;
  const prefix = posix ? text(block.subarray(345, 500), name) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** A field up to its first NUL, as UTF-8. */
function text(field: Uint8Array, entry: string): string {
  const end = field.indexOf(0);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      end === -1 ? field : field.subarray(0, end),
    );
  } catch {
    throw new ArchiveError(`${show(entry)}: a name that is not UTF-8`);
  }
}

/** A number in octal, or in base 256 where octal has no room (GNU, star). */
function number(block: Uint8Array, at: number, length: number, entry: string): number {
  const field = block.subarray(at, at + length);
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const value = field.reduce((total, byte, index) => total * 256 + (index === 0 ? byte & 0x7f : byte), 0);
    if (!Number.isSafeInteger(value)) {
      throw new ArchiveError(`${entry}: a number without bounds`);
    }
    return value;
  }
  const digits = /^ *([0-7]*)[ \0]*$/.exec(String.fromCharCode(...field));
  if (digits === null) {
    throw new ArchiveError(`${entry}: a number that is none`);
  }
  return digits[1] === "" ? 0 : Number.parseInt(digits[1] ?? "", 8);
}

function extensionOf(type: string, bytes: Uint8Array, last: string): Extension {
  if (type === "L") {
    return { path: text(bytes, last) };
  }
  if (type === "K") {
    return { target: text(bytes, last) };
  }
  return paxOf(bytes, last);
}

/** Records `<length> <key>=<value>\n`. Keys that say nothing about names and contents are passed over. */
function paxOf(bytes: Uint8Array, last: string): Extension {
  const found: { path?: string; target?: string; size?: number } = {};
  const seen = new Set<string>();
  for (let at = 0; at < bytes.length;) {
    const { key, value, length } = paxRecord(bytes.subarray(at), last);
    if (seen.has(key)) {
      throw new ArchiveError(`pax key ${show(key)} twice, after ${last}`);
    }
    seen.add(key);
    if (key.startsWith("GNU.sparse")) {
      throw new ArchiveError(`a sparse file, after ${last}`);
    }
    if (key === "path") {
      found.path = value;
    } else if (key === "linkpath") {
      found.target = value;
    } else if (key === "size") {
      found.size = paxSize(value, last);
    }
    at += length;
  }
  return found;
}

function paxRecord(bytes: Uint8Array, last: string): { key: string; value: string; length: number } {
  const broken = () => new ArchiveError(`a broken pax header, after ${last}`);
  const digits = /^([1-9][0-9]{0,5}) /.exec(String.fromCharCode(...bytes.subarray(0, 8)));
  const length = Number(digits?.[1] ?? 0);
  if (digits === null || length > bytes.length || bytes[length - 1] !== 0x0a) {
    throw broken();
  }
  const record = bytes.subarray(digits[0].length, length - 1);
  const equals = record.indexOf(0x3d);
  if (equals <= 0) {
    throw broken();
  }
  const key = text(record.subarray(0, equals), last);
  const raw = record.subarray(equals + 1);
  // Values of keys we pass over may be anything (an xattr's bytes); names are text without NUL.
  const named = key === "path" || key === "linkpath" || key === "size";
  if (named && raw.includes(0)) {
    throw broken();
  }
  return { key, value: named ? text(raw, last) : "", length };
}

function paxSize(value: string, last: string): number {
  const size = /^[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(size)) {
    throw new ArchiveError(`a size that is none, after ${last}`);
  }
  return size;
}
