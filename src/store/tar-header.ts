/** The fields of a tar header (POSIX.1-2017, pax, "ustar Interchange Format"; numbers also as GNU and star write them). */

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

/** A name from an archive as it may stand in a status line. */
export function show(path: string): string {
  const plain = JSON.stringify(path).slice(1, -1);
  return plain.length <= 60 ? plain : `…${plain.slice(-59)}`;
}

/** Throws if a block is no header. `last`: the entry before, as it may stand in a status line. */
export function checkBlock(block: Uint8Array, last: string): void {
  const magic = String.fromCharCode(...block.subarray(257, 262));
  const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (magic !== "ustar" || sum !== number(block, 148, 8, last)) {
    throw new ArchiveError(`no tar header where one should be, after ${last}`);
  }
}

/** What an entry of this type is; what a release has no need of is refused. */
export function kindOf(type: string, path: string): TarEntry["kind"] {
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

/** The path in the header itself. */
export function plainPath(block: Uint8Array, last: string): string {
  const name = text(block.subarray(0, 100), `the entry after ${last}`);
  // GNU's own format ("ustar", blank) keeps other things where POSIX has the prefix.
  const posix = block[262] === 0;
  const prefix = posix ? text(block.subarray(345, 500), name) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** A field up to its first NUL, as UTF-8. */
export function text(field: Uint8Array, entry: string): string {
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
export function number(block: Uint8Array, at: number, length: number, entry: string): number {
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
