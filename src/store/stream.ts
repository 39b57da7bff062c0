import type { Dir, File } from "../ports.ts";
import { Channel } from "./channel.ts";
import { errno } from "./errors.ts";
import type { StorePorts } from "./ports.ts";
import { ArchiveError } from "./tar-header.ts";
import { TarReader } from "./tar.ts";
import { type Contents, Unpacker } from "./unpack.ts";
import { Writer } from "./writer.ts";

/** Bytes between the loop that fetches and the one that unpacks. */
const BETWEEN = 1024 * 1024;
/** A release is twice its archive. Far beyond that lies only what was made to fill a disk. */
const LARGEST_RATIO = 20;
/** Unpacked bytes that are none too many however small the archive. */
const ALWAYS_FINE = 64 * 1024 * 1024;

export interface Streamed {
  /** SHA-256 of everything that came. */
  readonly sha256: string;
  readonly bytes: number;
  /** What was unpacked; null if the archive is no good. */
  readonly contents: Contents | null;
  /** Why it is no good. */
  readonly fault: ArchiveFault | null;
}

export interface ArchiveFault {
  /** It ends too early: likely a truncated file. */
  readonly truncated: boolean;
  /** Names the entry, where there is one. */
  readonly message: string;
}

/** Bytes that are kept for a resumed download, from a position in the file on. */
export interface Keep {
  readonly file: File;
  /** Bytes before this position are in the file already. */
  readonly from: number;
}

/**
 * Hashes, keeps, inflates and unpacks an archive in one go, while its bytes arrive. A bad archive is read to its end
 * all the same: only the digest tells whether it was made bad or became so on the way.
 *
 * @param received called when the last byte has come, and unpacking may still go on
 */
export async function stream(
  ports: Pick<StorePorts, "hash" | "inflate">,
  source: AsyncIterable<Uint8Array>,
  keep: Keep | null,
  into: Dir,
  received: () => void,
  signal: AbortSignal,
): Promise<Streamed> {
  const channel = new Channel(BETWEEN);
  const unpacking = unpack(ports, channel, into);
  try {
    const { sha256, bytes } = await receive(ports, source, keep, channel, unpacking, signal);
    channel.close();
    received();
    const { contents, fault, failure } = await unpacking.done;
    if (failure !== null) {
      throw failure.error;
    }
    return { sha256, bytes, contents, fault };
  } catch (error) {
    channel.fail(error);
    await unpacking.done;
    throw error;
  }
}

async function receive(
  ports: Pick<StorePorts, "hash">,
  source: AsyncIterable<Uint8Array>,
  keep: Keep | null,
  channel: Channel,
  unpacking: Unpacking,
  signal: AbortSignal,
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hasher = ports.hash.sha256();
  const writer = keep === null ? null : new Writer(keep.file, keep.from, null);
  let bytes = 0;
  try {
    for await (const piece of source) {
      signal.throwIfAborted();
      if (unpacking.failed()) {
        break;
      }
      hasher.update(piece);
      bytes += piece.length;
      if (keep !== null && bytes > keep.from) {
        await writer?.add(piece);
      }
      await channel.push(piece);
    }
  } finally {
    await writer?.finish();
  }
  return { sha256: hasher.digest(), bytes };
}

interface Outcome {
  readonly contents: Contents | null;
  readonly fault: ArchiveFault | null;
  /** Something other than the archive: a full disk, a planted file. */
  readonly failure: { readonly error: unknown } | null;
}

interface Unpacking {
  /** Never rejects. */
  readonly done: Promise<Outcome>;
  /** True once it cannot go on for reasons that more bytes do not change. */
  failed(): boolean;
}

function unpack(ports: Pick<StorePorts, "hash" | "inflate">, channel: Channel, into: Dir): Unpacking {
  let failed = false;
  const done = run(ports, channel, into).catch((error: unknown): Outcome => {
    const fault = faultOf(error);
    failed = fault === null;
    return { contents: null, fault, failure: fault === null ? { error } : null };
  });
  return { done, failed: () => failed };
}

async function run(ports: Pick<StorePorts, "hash" | "inflate">, channel: Channel, into: Dir): Promise<Outcome> {
  const unpacker = new Unpacker(ports, into);
  const reader = new TarReader(unpacker);
  try {
    for await (const bytes of inflated(ports, channel, reader)) {
      await reader.push(bytes);
    }
    reader.end();
    return { contents: await unpacker.complete(), fault: null, failure: null };
  } catch (error) {
    throw errno(error).startsWith("Z_") ? gzipError(error, reader.last) : error;
  } finally {
    await unpacker.close();
  }
}

/** The archive's bytes; more of them than any release can be of what has come so far are refused. */
async function* inflated(
  ports: Pick<StorePorts, "inflate">,
  channel: Channel,
  reader: TarReader,
): AsyncGenerator<Uint8Array, void> {
  let packed = 0;
  let unpacked = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array, void> {
    for await (const bytes of channel) {
      packed += bytes.length;
      yield bytes;
    }
  };
  for await (const bytes of ports.inflate.gunzip(counted())) {
    unpacked += bytes.length;
    if (unpacked > ALWAYS_FINE && unpacked > packed * LARGEST_RATIO) {
      throw new ArchiveError(`${reader.last}: more than ${LARGEST_RATIO} times its packed size`);
    }
    yield bytes;
  }
}

function gzipError(error: unknown, last: string): ArchiveError {
  return errno(error) === "Z_BUF_ERROR"
    ? new ArchiveError(`the gzip data ends too early, after ${last}`, true)
    : new ArchiveError(`damaged gzip data, after ${last}`);
}

function faultOf(error: unknown): ArchiveFault | null {
  return error instanceof ArchiveError ? { truncated: error.truncated, message: error.message } : null;
}
