/** Names of everything on the shared directory. Nothing here touches a disk. */
import type { Arch, Target } from "../agent/contract.ts";

/** The operator's mark, or our tool's: 0 bytes, never the only proof that the mount is there. */
export const MARKER = ".lxc_shared_storage";
/** Target of flock: 0 bytes, never removed. */
export const LOCK = ".install.lock";
/** `7.14.3`, no newline: the newest published release, for people and for peers. */
export const INSTALLED_VERSION = ".installed_version";
/** `{schema, id}`: units share a store exactly if they read the same id. */
export const STORE_FILE = "store.json";
/** Link to the newest release's `bin/`, for people. */
export const BIN = "bin";
/** Public facts of the cluster, for people. */
export const CONFIG = "config.env";
/** Public keys of the cluster, for people. */
export const KEYS = "keys";
export const APPLICATIONS = "apps";
export const RELEASES = "releases";
export const PARTIAL = "partial";
/** In `partial/`: who downloads from where. For people, and for whoever resumes the download. */
export const HOLDER = "holder.json";
export const STAGING = "staging";
/** Releases on their way out: renamed here, deleted once the leases have been read again. */
export const TRASH = "trash";
export const WORKERS = "worker";
export const LEASE = "state.json";
export const MANIFEST = "manifest.json";

/** Directories that a writable store always has. */
export const DIRECTORIES = [APPLICATIONS, RELEASES, PARTIAL, STAGING, TRASH, WORKERS] as const;

/** What bears one of these names is of this kind, or the store is not used. */
export const FIXED_NAMES: readonly { readonly name: string; readonly kind: "file" | "directory" | "link" }[] = [
  ...[...DIRECTORIES, KEYS].map((name) => ({ name, kind: "directory" as const })),
  ...[MARKER, LOCK, STORE_FILE, INSTALLED_VERSION, CONFIG].map((name) => ({ name, kind: "file" as const })),
  { name: BIN, kind: "link" },
];

const RELEASE_NAME = /^([0-9A-Za-z.-]+)-linux-(amd64|arm64)-([0-9a-f]{12})(?:\.([2-9]|[1-9][0-9]+))?$/;
const HELD_LEASE = /^held-by-[a-z0-9][a-z0-9-]*\.json$/;
const MEMBER = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SHA256 = /^[0-9a-f]{64}$/;

export interface ReleaseName {
  readonly version: string;
  readonly arch: Arch;
  /** First 12 digits of the archive's SHA-256. */
  readonly digest: string;
  /** 1 for the first, more for one fetched anew because its predecessor was damaged. */
  readonly copy: number;
}

/** `7.14.3-linux-amd64-1a2b3c4d5e6f`, and with `.2`, `.3`, … for the copies that repair it. */
export function releaseName(target: Pick<Target, "version" | "arch" | "sha256">, copy = 1): string {
  const name = `${target.version}-linux-${target.arch}-${target.sha256.slice(0, 12)}`;
  return copy === 1 ? name : `${name}.${copy}`;
}

/** The parts of a release's name; null if it is none. */
export function parseReleaseName(name: string): ReleaseName | null {
  const [, version, arch, digest, copy] = RELEASE_NAME.exec(name) ?? [];
  if (version === undefined || digest === undefined || (arch !== "amd64" && arch !== "arm64")) {
    return null;
  }
  return { version, arch, digest, copy: copy === undefined ? 1 : Number(copy) };
}

/** The name of a release without what tells its copies apart. */
export function firstCopy(name: string): string {
  const parts = parseReleaseName(name);
  return parts === null || parts.copy === 1 ? name : name.slice(0, name.lastIndexOf("."));
}

/** True if a directory of this name holds this release: the first copy, or one that repairs it. */
export function isCopyOf(name: string | null, target: Pick<Target, "version" | "arch" | "sha256">): boolean {
  const first = releaseName(target);
  return name === first || (name !== null && name.startsWith(`${first}.`) && parseReleaseName(name) !== null);
}

/** True for where the link for people may lead: a release's own `bin/`. */
export function isBinTarget(target: string): boolean {
  const [releases, name = "", bin, ...more] = target.split("/");
  return releases === RELEASES && parseReleaseName(name) !== null && bin === BIN && more.length === 0;
}

/** A unit's or an application's name on the store, fit to be part of a file name. */
export function isMember(name: string): boolean {
  return name.length <= 120 && MEMBER.test(name);
}

/** Beside a unit's own lease: the one that this application's fetcher holds for it, since it cannot write itself. */
export function heldLease(application: string): string {
  return `held-by-${application}.json`;
}

/** True for a unit's own lease, and for one that is held for it. */
export function isLease(name: string): boolean {
  return name === LEASE || HELD_LEASE.test(name);
}

export function isSha256(text: string): boolean {
  return SHA256.test(text);
}

/** In `staging/`: the unit and a UUID, never a pid or a time, which two containers can have in common. */
export function stagingName(member: string, uuid: string): string {
  return `${member}.${uuid}`;
}

/** The member whose staging directory or temporary file this is; null if it is none. */
export function stagingMember(name: string): string | null {
  const dot = name.indexOf(".");
  const member = name.slice(0, dot);
  return dot > 0 && isMember(member) && UUID.test(name.slice(dot + 1)) ? member : null;
}

/** In `partial/`: the archive's digest, the unit and a UUID. */
export function partialName(sha256: string, member: string, uuid: string): string {
  return `${sha256}.${member}.${uuid}`;
}

/** The digest that a partial download is to have; null if the name is none of a partial download. */
export function partialDigest(name: string): string | null {
  const digest = name.slice(0, 64);
  return isSha256(digest) && name[64] === "." && stagingMember(name.slice(65)) !== null ? digest : null;
}

/** In `trash/`: the release's own name and a UUID. */
export function trashName(release: string, uuid: string): string {
  return `${release}.${uuid}`;
}

/** The release that lies under this name in `trash/`; null if it is none. */
export function trashedRelease(name: string): string | null {
  const release = name.slice(0, -37);
  const known = UUID.test(name.slice(-36)) && name.at(-37) === "." && parseReleaseName(release) !== null;
  return known ? release : null;
}

export function applicationFile(application: string): string {
  return `${application}.json`;
}
