/**
 * What local machines and the shared store need of the host, by the command that shows it is there, and how Debian and
 * Ubuntu call the package that brings it. The bundled PostgreSQL needs nothing beyond libc.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** A file that is there exactly if the package is, in one of several places (merged and unmerged /usr). */
const HOST_PACKAGES = [
  { package: "util-linux", files: ["/usr/bin/unshare", "/bin/unshare"] },
  { package: "mount", files: ["/usr/bin/mount", "/bin/mount"] },
  { package: "perl-base", files: ["/usr/bin/perl", "/bin/perl"] },
  { package: "iproute2", files: ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"] },
  { package: "nftables", files: ["/usr/sbin/nft", "/sbin/nft"] },
  // Called by workers in machines that show the host's root.
  { package: "iptables", files: ["/usr/sbin/iptables", "/sbin/iptables"] },
  { package: "systemd", files: ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"] },
  { package: "dbus", files: ["/usr/lib/systemd/system/dbus.service", "/lib/systemd/system/dbus.service"] },
  { package: "bash", files: ["/usr/bin/bash", "/bin/bash"] },
  { package: "gzip", files: ["/usr/bin/gzip", "/bin/gzip"] },
];

/** What the tests look with besides: a real browser for pages, SSH's own reading of keys, authorities for TLS. */
const TEST_PACKAGES = [
  { package: "chromium", files: ["/usr/bin/chromium", "/usr/bin/chromium-browser"] },
  { package: "openssh-client", files: ["/usr/bin/ssh-keygen"] },
  { package: "openssl", files: ["/usr/bin/openssl"] },
  { package: "ca-certificates", files: ["/usr/sbin/update-ca-certificates"] },
];

/**
 * Names of the Debian packages that are missing on this host; empty when all is there.
 *
 * @param {boolean} tests also what only the tests need
 */
export function missingHostPackages(tests = false) {
  return [...HOST_PACKAGES, ...(tests ? TEST_PACKAGES : [])]
    .filter((wanted) => !wanted.files.some((file) => existsSync(file)))
    .map((wanted) => wanted.package);
}

/**
 * Brings the missing packages in, after saying so in one line, if we may (root) and can (apt); else tells how.
 *
 * @param {(line: string) => void} say where the one line goes
 * @param {boolean} tests also what only the tests need
 * @returns {string | null} null when everything is there now, else one line: what is missing and the command to run
 */
export function ensureHostPackages(say, tests = false) {
  const missing = missingHostPackages(tests);
  if (missing.length === 0) return null;
  const names = missing.join(" ");
  const advice = `Missing on this host: ${names}. Run: apt-get install --no-install-recommends ${names}`;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return advice;

  say(`Installing missing host packages with apt-get: ${names}`);
  aptGet(["update"]);
  aptGet(["install", "--yes", "--no-install-recommends", ...missing]);
  return missingHostPackages(tests).length === 0 ? null : advice;
}

/** Whether it worked is seen by what is there afterwards. @param {readonly string[]} words */
function aptGet(words) {
  spawnSync("apt-get", ["-qq", ...words], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
}
