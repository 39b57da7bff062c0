/** RSA keys cost more than all the rest of a step: a few are made once, and taken apart once. */
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

/** Their contents decide nothing, so it does no harm that they differ from process to process. */
const KEYS = Array.from(
  { length: 3 },
  () =>
    crypto.generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "pkcs1", format: "pem" },
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
    }).privateKey,
);

export const keyOf = (number: number): string => KEYS[number % KEYS.length] ?? "";

/** From now on this process parses each key once; what it finds is what it would find again. */
export function rememberKeys(): void {
  const { createPrivateKey, createPublicKey } = crypto;
  const byPem = new Map<unknown, crypto.KeyObject>();
  const byKey = new Map<unknown, crypto.KeyObject>();
  crypto.createPrivateKey = (key) => known(byPem, key, () => createPrivateKey(key));
  crypto.createPublicKey = (key) => known(byKey, key, () => remembering(createPublicKey(key)));
  syncBuiltinESMExports();
}

function known(map: Map<unknown, crypto.KeyObject>, key: unknown, make: () => crypto.KeyObject): crypto.KeyObject {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}

function remembering(key: crypto.KeyObject): crypto.KeyObject {
  const jwk = key.export({ format: "jwk" });
  key.export = ((): unknown => jwk) as typeof key.export;
  return key;
}
