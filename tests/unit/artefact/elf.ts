/** What a 64-bit little-endian ELF file asks of the dynamic linker (System V ABI, chapter 5; `readelf -d` shows the same). */
export interface Elf {
  /** 62 = x86-64, 183 = AArch64. */
  readonly machine: number;
  /** Names in DT_NEEDED. */
  readonly needed: readonly string[];
  /** True if it carries a symbol table: it has not been stripped. */
  readonly symbols: boolean;
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const SHT_SYMTAB = 2;

export function readElf(bytes: Buffer): Elf {
  const number = (offset: number): number => Number(bytes.readBigUInt64LE(offset));
  const segments = table(number(32), bytes.readUInt16LE(54), bytes.readUInt16LE(56)).map((at) => ({
    type: bytes.readUInt32LE(at),
    offset: number(at + 8),
    address: number(at + 16),
    size: number(at + 32),
  }));
  const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC);
  if (dynamic === undefined) throw new Error("no dynamic section");
  const tags = table(dynamic.offset, 16, dynamic.size / 16).map((at) => ({ tag: number(at), value: number(at + 8) }));
  const strings = fileOffset(tags.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0);
  const sections = table(number(40), bytes.readUInt16LE(58), bytes.readUInt16LE(60));

  return {
    machine: bytes.readUInt16LE(18),
    needed: tags.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => textAt(strings + value)),
    symbols: sections.some((at) => bytes.readUInt32LE(at + 4) === SHT_SYMTAB),
  };

  function fileOffset(address: number): number {
    const loads = segments.filter(({ type }) => type === PT_LOAD);
    const segment = loads.find((load) => address >= load.address && address < load.address + load.size);
    if (segment === undefined) throw new Error(`address ${address} is in no segment`);
    return address - segment.address + segment.offset;
  }

  function textAt(offset: number): string {
    return bytes.toString("latin1", offset, bytes.indexOf(0, offset));
  }
}

/** Offsets of the rows of a table. */
function table(start: number, rowSize: number, rows: number): number[] {
  return Array.from({ length: rows }, (_, row) => start + row * rowSize);
}
