/** Writes a `.tgz` as one gzip stream whose blocks are compressed or stored, piece by piece. */

import { promisify } from "node:util";
import { constants, crc32, deflateRaw } from "node:zlib";

const deflate = promisify(deflateRaw);

/** Every entry carries this time: an archive's bytes must not depend on when it was made. */
const MODIFIED = Date.UTC(2025, 10, 12) / 1000;
const BLOCK = 512;
const STORED_MAX = 65_535;
/** Bytes given to one compressor call; calls run in parallel on libuv's threads. */
const PIECE = 4 * 1024 * 1024;

export interface Entry {
  /** Path inside the archive; a directory ends in `/`. */
  readonly name: string;
  readonly mode: number;
  readonly content?: Buffer;
  /** Store instead of compressing: for content that compression would not make smaller. */
  readonly stored?: boolean;
}

export class Tarball {
  /** Bytes of the finished part of the archive. */
  packed = 0;
  /** Bytes of the tar stream so far. */
  unpacked = 0;
  #checksum = 0;
  readonly #write: (bytes: Buffer) => Promise<void>;

  private constructor(write: (bytes: Buffer) => Promise<void>) {
    this.#write = write;
  }

  /** `write` is called with consecutive pieces, one at a time. */
  static async begin(write: (bytes: Buffer) => Promise<void>): Promise<Tarball> {
    const tarball = new Tarball(write);
    await tarball.#emit(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 3]));
    return tarball;
  }

  async add(entry: Entry): Promise<void> {
    const content = entry.content ?? Buffer.alloc(0);
    await this.#compress(header(entry, content.length));
    await (entry.stored === true ? this.#store(content) : this.#compress(content));
    await this.#compress(Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK));
  }

  async end(): Promise<void> {
    await this.#compress(Buffer.alloc(2 * BLOCK));
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.#checksum, 0);
    trailer.writeUInt32LE(this.unpacked % 2 ** 32, 4);
    // An empty final block ends the deflate stream.
    await this.#emit(Buffer.concat([storedHeader(0, true), trailer]));
  }

  async #compress(content: Buffer): Promise<void> {
    const pieces = slices(content, PIECE);
    // Z_SYNC_FLUSH ends each piece on a byte boundary without a final block, so pieces can follow each other.
    const packed = pieces.map((piece) => deflate(piece, { level: 1, finishFlush: constants.Z_SYNC_FLUSH }));
    for (const [index, piece] of pieces.entries()) {
      this.#count(piece);
      const bytes = await packed[index];
      if (bytes !== undefined) await this.#emit(bytes);
    }
  }

  async #store(content: Buffer): Promise<void> {
    for (const piece of slices(content, PIECE)) {
      this.#count(piece);
      const blocks = slices(piece, STORED_MAX).flatMap((block) => [storedHeader(block.length, false), block]);
      await this.#emit(Buffer.concat(blocks));
    }
  }

  #count(content: Buffer): void {
    this.#checksum = crc32(content, this.#checksum);
    this.unpacked += content.length;
  }

  async #emit(bytes: Buffer): Promise<void> {
    await this.#write(bytes);
    this.packed += bytes.length;
  }
}

/** A whole archive in memory. */
export async function tgz(entries: readonly Entry[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const tarball = await Tarball.begin(async (bytes) => {
    pieces.push(bytes);
  });
  for (const entry of entries) await tarball.add(entry);
  await tarball.end();
  return Buffer.concat(pieces);
}

function slices(content: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(content.length / size) }, (_, index) =>
    content.subarray(index * size, (index + 1) * size),
  );
}

/** RFC 1951 §3.2.4. */
function storedHeader(length: number, final: boolean): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = final ? 1 : 0;
  bytes.writeUInt16LE(length, 1);
  bytes.writeUInt16LE(~length & 0xffff, 3);
  return bytes;
}

const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, "0")}\0`;

/** POSIX ustar header; all names here are shorter than its 100 bytes. */
function header(entry: Entry, size: number): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  bytes.write(entry.name, 0);
  bytes.write(octal(entry.mode, 8), 100);
  bytes.write(octal(0, 8), 108);
  bytes.write(octal(0, 8), 116);
  bytes.write(octal(size, 12), 124);
  bytes.write(octal(MODIFIED, 12), 136);
  bytes.write("        ", 148);
  bytes.write(entry.name.endsWith("/") ? "5" : "0", 156);
  bytes.write("ustar\x0000", 257);
  bytes.write("root", 265);
  bytes.write("root", 297);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return bytes;
}
