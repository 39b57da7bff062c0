import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";

/**
 * RSA keys in the form SSH wants. Concourse takes nothing but RSA for the TSA host key, the session key and the worker key
 * (Concourse 7.14 to 8.3 read them with golang-jwt's RSA reader).
 */

/** The `ssh-rsa AAAA…` line of a private key in PEM. */
export function publicLine(privatePem: string): string {
  return encode(createPublicKey(createPrivateKey(privatePem)));
}

/**
 * Reads one public key as it arrives in a databag and writes it anew, without comment, options or anything else around it.
 *
 * @throws Error if it is not exactly one RSA key of at least 2048 bits.
 */
export function normalise(line: string): string {
  const match = /^ssh-rsa ([A-Za-z0-9+/]+={0,2})(?: [^\n\r]*)?$/.exec(line.trim());
  if (!match?.[1]) throw new Error("not an ssh-rsa public key");
  const fields = readFields(Buffer.from(match[1], "base64"));
  const [type, exponent, modulus] = fields;
  if (fields.length !== 3 || type?.toString() !== "ssh-rsa" || !exponent || !modulus)
    throw new Error("malformed ssh-rsa key");
  const n = stripSign(modulus);
  if (n.length < 256) throw new Error("RSA key shorter than 2048 bits");
  return keyLine(stripSign(exponent), n);
}

/** `SHA256:…` as ssh-keygen -l prints it. */
export function fingerprint(line: string): string {
  const blob = Buffer.from(line.split(" ")[1] ?? "", "base64");
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

function encode(key: KeyObject): string {
  const { e, n } = key.export({ format: "jwk" });
  if (!e || !n) throw new Error("not an RSA key");
  return keyLine(Buffer.from(e, "base64url"), Buffer.from(n, "base64url"));
}

function keyLine(exponent: Buffer, modulus: Buffer): string {
  const blob = Buffer.concat([Buffer.from("ssh-rsa"), withSign(exponent), withSign(modulus)].map(field));
  return `ssh-rsa ${blob.toString("base64")}`;
}

function field(content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

function readFields(blob: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at < blob.length;) {
    if (at + 4 > blob.length) throw new Error("truncated key");
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) throw new Error("truncated key");
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

/** SSH's mpint: a leading zero byte keeps a number with the top bit set positive (RFC 4251 section 5). */
const withSign = (number: Buffer): Buffer =>
  (number[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), number]) : number;
const stripSign = (number: Buffer): Buffer => (number[0] === 0 ? number.subarray(1) : number);
