import type { Core } from "./data.ts";

/** A random number from 0 to 1. */
export function fraction(core: Core): number {
  return Buffer.from(core.random(4)).readUInt32BE(0) / 0xffff_ffff;
}

export function randomHex(core: Core, bytes: number): string {
  return Buffer.from(core.random(bytes)).toString("hex");
}

/** A random UUID, version 4. */
export function uuid4(random: (bytes: number) => Uint8Array): string {
  const bytes = Buffer.from(random(16));
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
