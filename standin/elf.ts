/**
 * Puts Node's "single executable application" blob into an ELF program: a note named `NODE_SEA_BLOB` in a read-only
 * segment of its own, and the fuse in Node's text switched on (Node.js 24, doc/api/single-executable-applications.md;
 * node finds the note by walking the loaded program headers, deps/postject/postject-api.h).
 *
 * The program headers move behind the end of the file, together with the note, because there is no room between them and
 * the first section.
 */

const FUSE = Buffer.from("NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:0");
const NOTE_NAME = Buffer.from("NODE_SEA_BLOB\0");
const HEADER_SIZE = 56;
const PAGE = 0x10000;

const PT_LOAD = 1;
const PT_NOTE = 4;
const PT_PHDR = 6;
const PF_R = 4;

interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
  readonly align: number;
}

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;

/**
 * Returns a copy of `program` (64-bit little-endian ELF, a stock `node`) that runs the application in `blob`.
 *
 * @throws Error if `program` is not such a file.
 */
export function injectApplication(program: Buffer, blob: Buffer): Buffer {
  const fuse = program.indexOf(FUSE);
  if (program.readUInt32BE(0) !== 0x7f454c46 || program[4] !== 2 || fuse < 0) {
    throw new Error("not a 64-bit ELF build of Node.js with a single-executable fuse");
  }
  const headers = readHeaders(program);
  const loads = headers.filter((header) => header.readUInt32LE(0) === PT_LOAD);
  const first = loads[0];
  if (first === undefined) throw new Error("an ELF program without a loadable segment");
  // Old kernels compute AT_PHDR as the first segment's address plus e_phoff, so the new segment keeps that distance,
  // and lies behind everything the program maps, .bss included.
  const base = Number(first.readBigUInt64LE(16) - first.readBigUInt64LE(8));
  const mapped = Math.max(
    ...loads.map((header) => Number(header.readBigUInt64LE(16) + header.readBigUInt64LE(40)) - base),
  );
  const start = roundUp(Math.max(program.length, mapped), PAGE);
  const tableSize = (headers.length + 2) * HEADER_SIZE;
  const noteOffset = roundUp(tableSize, 16);
  const note = makeNote(blob);

  const tail = Buffer.alloc(noteOffset + note.length);
  const whole = { offset: start, address: base + start, size: tail.length };
  const table = headers.map((header) =>
    header.readUInt32LE(0) === PT_PHDR
      ? makeHeader({ type: PT_PHDR, flags: PF_R, offset: start, address: base + start, size: tableSize, align: 8 })
      : header,
  );
  // Loadable segments must stay in ascending order of address; the new one is the highest.
  const lastLoad = table.findLastIndex((header) => header.readUInt32LE(0) === PT_LOAD);
  table.splice(lastLoad + 1, 0, makeHeader({ type: PT_LOAD, flags: PF_R, align: PAGE, ...whole }));
  table.push(
    makeHeader({
      type: PT_NOTE,
      flags: PF_R,
      offset: start + noteOffset,
      address: base + start + noteOffset,
      size: note.length,
      align: 4,
    }),
  );
  Buffer.concat(table).copy(tail);
  note.copy(tail, noteOffset);

  const result = Buffer.alloc(start + tail.length);
  program.copy(result);
  tail.copy(result, start);
  result[fuse + FUSE.length - 1] = "1".charCodeAt(0);
  result.writeBigUInt64LE(BigInt(start), 32);
  result.writeUInt16LE(table.length, 56);
  return result;
}

function readHeaders(program: Buffer): Buffer[] {
  const offset = Number(program.readBigUInt64LE(32));
  const count = program.readUInt16LE(56);
  return Array.from({ length: count }, (_, index) =>
    Buffer.from(program.subarray(offset + index * HEADER_SIZE, offset + (index + 1) * HEADER_SIZE)),
  );
}

function makeHeader(segment: Segment): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  header.writeUInt32LE(segment.type, 0);
  header.writeUInt32LE(segment.flags, 4);
  header.writeBigUInt64LE(BigInt(segment.offset), 8);
  header.writeBigUInt64LE(BigInt(segment.address), 16);
  header.writeBigUInt64LE(BigInt(segment.address), 24);
  header.writeBigUInt64LE(BigInt(segment.size), 32);
  header.writeBigUInt64LE(BigInt(segment.size), 40);
  header.writeBigUInt64LE(BigInt(segment.align), 48);
  return header;
}

function makeNote(blob: Buffer): Buffer {
  const name = Buffer.alloc(roundUp(NOTE_NAME.length, 4));
  NOTE_NAME.copy(name);
  const head = Buffer.alloc(12);
  head.writeUInt32LE(NOTE_NAME.length, 0);
  head.writeUInt32LE(blob.length, 4);
  return Buffer.concat([head, name, blob, Buffer.alloc(roundUp(blob.length, 4) - blob.length)]);
}
