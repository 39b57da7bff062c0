/** The shared directory as units and host see it, and what runs from it. */

import { sum } from "./downloads.ts";
import type { Evidence } from "./evidence.ts";
import { megabytes } from "./format.ts";
import { describeSame, everyUnit, seen, TOLERANCE, unchecked, type Result } from "./verdict.ts";

const STORE = "/var/lib/concourse";
/** What people look for in the shared directory, and what kind of thing it is. */
const LAYOUT: readonly (readonly [name: string, kinds: readonly string[]])[] = [
  [".installed_version", ["file"]],
  [".install.lock", ["file"]],
  [".lxc_shared_storage", ["file"]],
  ["bin", ["directory", "link"]],
  ["keys", ["directory"]],
  ["worker", ["directory"]],
  ["config.env", ["file"]],
];

export function versionMarker({ looks, version }: Evidence): Result {
  return everyUnit(
    looks,
    ({ versionMarker: text }) => text === version,
    ({ versionMarker: text }) => `${JSON.stringify(text)}, ${Buffer.byteLength(text, "latin1")} bytes`,
    `.installed_version, to be ${JSON.stringify(version)} without a newline`,
  );
}

export function sharedAccess({ looks, units }: Evidence): Result {
  const all = Object.values(looks);
  const stores = new Set(all.map(({ store }) => store));
  const systems = new Set(all.map(({ fileSystem }) => fileSystem));
  const same = stores.size === 1 && systems.size === 1 && !stores.has("") && !systems.has("");
  return seen(
    all.length === units && same && all.every(({ mounted }) => mounted),
    `${all.length} units, mounted in ${all.filter(({ mounted }) => mounted).length}; ` +
      `${describeSame("store id", looks, ({ store }) => store)}; ` +
      describeSame("device, inode and file system id", looks, ({ fileSystem }) => fileSystem),
  );
}

export function identicalContent({ looks, units }: Evidence): Result {
  const files = new Set(Object.values(looks).map(({ executable }) => executable));
  return seen(
    Object.keys(looks).length === units && files.size === 1 && !files.has(""),
    describeSame("inode and size of bin/concourse", looks, ({ executable }) => executable),
  );
}

export function lxcMode({ looks, storage, sharedStorage }: Evidence): Result {
  const marked = Object.values(looks).filter(({ lxcMarker }) => lxcMarker === "regular empty file, 0 bytes");
  const units = Object.keys(looks);
  const mounted = units.filter((unit) => String(storage[unit]?.["mounted"]) === "true");
  return seen(
    sharedStorage === "lxc" && units.length > 0 && marked.length === units.length && mounted.length === units.length,
    `shared-storage=${sharedStorage}; ${describeSame(".lxc_shared_storage", looks, ({ lxcMarker }) => lxcMarker)}; ` +
      `storage-status says mounted in ${mounted.length} of ${units.length} units`,
  );
}

/** Services run the release in the shared directory itself, no copy of it. */
export function storagePath({ looks }: Evidence): Result {
  const isThere = (path: string): boolean => path.startsWith(`${STORE}/releases/`);
  return everyUnit(
    looks,
    ({ current, running }) =>
      isThere(current) && Object.values(running).length > 0 && Object.values(running).every(isThere),
    ({ current, running }) => Object.values(running).join(" ") || `${current || "no release"}, and nothing runs`,
    "running from",
  );
}

export function hostDirectory({ host }: Evidence): Result {
  if (host === null) return unchecked("the shared directory is not on this host");
  const wrong = LAYOUT.filter(
    ([name, kinds]) => !host.some((entry) => entry.name === name && kinds.includes(entry.kind)),
  );
  return seen(
    wrong.length === 0,
    wrong.length === 0
      ? LAYOUT.map(([name]) => name).join(", ")
      : `missing, or of another kind: ${wrong.map(([name]) => name).join(", ")}`,
  );
}

/** Nothing left of the download, no second release, no copy in any unit. */
export function releaseBytes({ looks }: Evidence): Result {
  const all = Object.values(looks);
  const [one] = all;
  if (one === undefined) return seen(false, "no unit could be looked into");
  const copies = sum(all.map(({ copiedBytes }) => copiedBytes));
  const total = one.releaseBytes + copies;
  const names = Object.keys(one.releases);
  return seen(
    names.length === 1 && one.unpackedBytes > 0 && total <= one.unpackedBytes * TOLERANCE,
    `${names.join(", ") || "no release"}: ${megabytes(one.unpackedBytes)} unpacked; shared directory and all units hold ` +
      `${megabytes(total)} (${(total / one.unpackedBytes).toFixed(3)} times), of that ${copies} bytes in units`,
  );
}
