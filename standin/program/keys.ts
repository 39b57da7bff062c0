/** RSA keys and authorized keys, read the way the real one reads them. */

import { createPrivateKey, type KeyObject } from "node:crypto";
import { Failure } from "./failure.ts";

/**
 * The first PEM block of `text` as an RSA key: PKCS#1 or PKCS#8, whatever its label says (golang-jwt, rsa_utils.go).
 * `concourse generate-key` itself writes PKCS#1 under the label of PKCS#8.
 */
export function parsePrivateKey(text: string): KeyObject {
  const block = /-----BEGIN [^-]+-----([\s\S]*?)-----END [^-]+-----/.exec(text);
  if (block === null) throw new Failure("invalid key: Key must be a PEM encoded PKCS1 or PKCS8 key");
  const der = Buffer.from(block[1] ?? "", "base64");
  const key = tryKey(der, "pkcs1") ?? tryKey(der, "pkcs8");
  if (key === null) throw new Failure("asn1: structure error: tags don't match");
  if (key.asymmetricKeyType !== "rsa") throw new Failure("key is not a valid RSA private key");
  return key;
}

function tryKey(der: Buffer, type: "pkcs1" | "pkcs8"): KeyObject | null {
  try {
    return createPrivateKey({ key: der, format: "der", type });
  } catch {
    return null;
  }
}

const KEY_TYPES = /^(ssh-rsa|ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+)$/;

/**
 * Keys of an authorized_keys file, as SSH wire blobs. Blank lines and comments are skipped, options before a key are
 * tolerated; a line that holds no key is skipped without an error (concourse/flag v2.3.0, authorized_keys.go, with
 * golang.org/x/crypto v0.40).
 */
export function parseAuthorizedKeys(text: string): Buffer[] {
  const keys: Buffer[] = [];
  for (const line of text.split("\n").map((raw) => raw.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const key = parseLine(line);
    if (key !== null) keys.push(key);
  }
  return keys;
}

function parseLine(line: string): Buffer | null {
  const words = line.split(/[ \t]+/);
  const at = words.findIndex((word) => KEY_TYPES.test(word));
  const blob = Buffer.from(words[at + 1] ?? "", "base64");
  if (at < 0 || blob.length < 4) return null;
  const length = blob.readUInt32BE(0);
  return blob.subarray(4, 4 + length).toString() === words[at] ? blob : null;
}

/** The public half of an RSA key as SSH wire blob (RFC 4253 §6.6). */
export function publicBlob(key: KeyObject): Buffer {
  const { e = "", n = "" } = key.export({ format: "jwk" });
  return Buffer.concat([Buffer.from("ssh-rsa"), mpint(e), mpint(n)].map(sized));
}

const mpint = (base64url: string): Buffer => {
  const bytes = Buffer.from(base64url, "base64url");
  return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
};

const sized = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
