/** Seeded content: the same seed gives the same bytes on every machine. */

import { createCipheriv, createHash } from "node:crypto";

/** `size` bytes that no compressor makes smaller: the key stream of AES-256-CTR under the hash of the seed. */
export function noise(seed: string, size: number): Buffer {
  const key = createHash("sha256").update(seed).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** `size` bytes that compress to about a sixteenth: lines of hexadecimal noise, each written many times. */
export function prose(seed: string, size: number): Buffer {
  const source = noise(seed, Math.ceil(size / 1024) * 32);
  const line = (index: number) => `${source.subarray(index * 32, (index + 1) * 32).toString("hex")}\n`;
  const text = Array.from({ length: Math.ceil(size / 1024) }, (_, index) => line(index).repeat(16)).join("");
  return Buffer.from(text).subarray(0, size);
}
