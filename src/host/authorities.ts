import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";

/** Where Debian and Ubuntu keep what they trust, in PEM (ca-certificates, sbin/update-ca-certificates). */
const SYSTEM = "/etc/ssl/certs/ca-certificates.crt";

/**
 * Certificates, in PEM, of the authorities that servers may be signed by: Node's own, and those that this machine trusts,
 * among them that of a proxy that reads TLS. Read anew for each connection, so that an authority that is added counts at
 * once: Node's own `--use-system-ca` reads them once in the life of a process, and an agent lives for months.
 *
 * @param file the machine's list; there may be none
 */
export function authorities(file = SYSTEM): string[] {
  try {
    return [...rootCertificates, readFileSync(file, "utf8")];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [...rootCertificates];
    throw error;
  }
}
