/** SSH as both sides of the TSA speak it (concourse/concourse, atc/ssh.go; tsa/client.go). */

import type { KeyObject } from "node:crypto";
import type { Algorithms } from "ssh2";

/** No SHA-1 signatures, no CBC, no old key exchanges. */
export const ALGORITHMS: Algorithms = {
  serverHostKey: ["rsa-sha2-256", "rsa-sha2-512"],
  kex: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
  ],
  cipher: ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr"],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-256"],
};

/** Names under which a worker's two servers are forwarded; they only have to match between request and command. */
export const GARDEN = { address: "0.0.0.0", port: 7777 };
export const BAGGAGECLAIM = { address: "0.0.0.0", port: 7788 };

export const FORWARD_COMMAND = `forward-worker --garden ${GARDEN.address}:${GARDEN.port} --baggageclaim ${BAGGAGECLAIM.address}:${BAGGAGECLAIM.port}`;

/** The form of a private key that ssh2 reads. */
export function privatePem(key: KeyObject): string {
  return key.export({ format: "pem", type: "pkcs1" }).toString();
}
