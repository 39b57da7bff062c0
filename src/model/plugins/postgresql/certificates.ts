/**
 * A certificate authority of the plug-in's own and one server certificate, in the few fields that TLS clients look at
 * (RFC 5280 §4.1; algorithm identifiers of RFC 5758). Node has no call that issues certificates.
 */

import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";

const SEQUENCE = 0x30;
const SET = 0x31;
const COMMON_NAME = Buffer.from("0603550403", "hex");
const ECDSA_SHA256 = der(SEQUENCE, Buffer.from("06082a8648ce3d040302", "hex"));
const BASIC_CONSTRAINTS = Buffer.from("0603551d13", "hex");
const SUBJECT_ALT_NAME = Buffer.from("0603551d11", "hex");
const CRITICAL = Buffer.from("0101ff", "hex");
const DAY_MS = 86_400_000;

export interface Certificates {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** Makes a CA and a certificate for an IPv4 address, all PEM. `now` in milliseconds; valid from a day before for 10 years. */
export function issueCertificates(address: string, now: number): Certificates {
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const server = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = name(`PostgreSQL CA ${randomBytes(4).toString("hex")}`);
  const isAuthority = extension(BASIC_CONSTRAINTS, CRITICAL, der(SEQUENCE, Buffer.from("0101ff", "hex")));
  const alternative = extension(
    SUBJECT_ALT_NAME,
    der(SEQUENCE, der(0x87, Buffer.from(address.split(".").map(Number)))),
  );
  const make = (subject: Buffer, key: KeyObject, extensions: Buffer) =>
    certificate({ issuer, subject, key, extensions, now, signer: authority.privateKey });
  return {
    ca: make(issuer, authority.publicKey, isAuthority),
    certificate: make(name(address), server.publicKey, alternative),
    key: server.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

interface Request {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly key: KeyObject;
  readonly extensions: Buffer;
  readonly now: number;
  readonly signer: KeyObject;
}

function certificate({ issuer, subject, key, extensions, now, signer }: Request): string {
  const version3 = der(0xa0, der(0x02, Buffer.of(2)));
  const serial = der(0x02, Buffer.concat([Buffer.of(1), randomBytes(15)]));
  const validity = der(SEQUENCE, time(now - DAY_MS), time(now + 3650 * DAY_MS));
  const publicKey = key.export({ type: "spki", format: "der" });
  const body = der(
    SEQUENCE,
    version3,
    serial,
    ECDSA_SHA256,
    issuer,
    validity,
    subject,
    publicKey,
    der(0xa3, der(SEQUENCE, extensions)),
  );
  const signature = der(0x03, Buffer.concat([Buffer.of(0), sign("sha256", body, signer)]));
  const lines = der(SEQUENCE, body, ECDSA_SHA256, signature).toString("base64").replace(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function name(commonName: string): Buffer {
  return der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(0x0c, Buffer.from(commonName)))));
}

/** The last part is the extension's value. */
function extension(...parts: readonly Buffer[]): Buffer {
  const value = parts.at(-1) ?? Buffer.alloc(0);
  return der(SEQUENCE, ...parts.slice(0, -1), der(0x04, value));
}

/** GeneralizedTime; RFC 5280 §4.1.2.5 asks for it from 2050 on and clients take it before. */
function time(ms: number): Buffer {
  return der(0x18, Buffer.from(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "")));
}

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.of(tag, ...length), content]);
}
