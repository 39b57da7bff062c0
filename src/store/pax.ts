/** What stands before a tar header to say more than it has room for: pax headers, and GNU's long names. */
import { ArchiveError, show, text } from "./tar-header.ts";

export interface Extension {
  readonly path?: string;
  readonly target?: string;
  readonly size?: number;
}

/**
 * Of an extension's contents, what concerns the next entry.
 *
 * @param type as in the header: `x` and `g` of pax, `L` and `K` of GNU
 * @param last the entry before, as it may stand in a status line
 * @throws ArchiveError
 */
export function extensionOf(type: string, bytes: Uint8Array, last: string): Extension {
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
