/** Entry points of the room while they are being written; each moves to the file named beside it. */
import type { Problem, SourceOrders } from "../agent/contract.ts";
import type { Ports } from "../ports.ts";
import type {
  Arch,
  Archive,
  Depth,
  FetchOptions,
  FetchOutcome,
  Lease,
  Opened,
  Release,
  Store,
  StoreOrders,
  Target,
} from "./types.ts";

export type StorePorts = Pick<Ports, "fs" | "lock" | "http" | "inflate" | "hash" | "clock" | "random">;

/** store.ts. Never throws for what an operator can cause: that is in `state.problem`. */
export type OpenStore = (ports: StorePorts, orders: StoreOrders) => Promise<Opened>;
/** store.ts: removes what an earlier life of this unit's agent left in staging/. Call once at start-up (writable stores). */
export type SweepOwn = (ports: StorePorts, store: Store) => Promise<void>;
/** fetch.ts. Throws StoreError. */
export type FetchRelease = (
  ports: StorePorts,
  store: Store,
  target: Target,
  archive: Archive,
  options: FetchOptions,
) => Promise<FetchOutcome>;
/** release.ts: the published release of this target, null if there is none. With target.manifestSha256 null any whole one of that digest. */
export type FindRelease = (ports: StorePorts, store: Store, target: Target) => Promise<Release | null>;
/** release.ts: null if it agrees with its manifest, else what is wrong. `onFile` is called between files (throttle, abort by throwing). */
export type VerifyRelease = (
  ports: StorePorts,
  store: Store,
  release: Release,
  depth: Depth,
  onFile?: (path: string) => Promise<void>,
) => Promise<Problem | null>;
/** lease.ts: durable when it returns; writes nothing if it already says so. `member` differs from ours when a fetcher writes for a read-only unit. */
export type WriteLease = (
  ports: StorePorts,
  store: Store,
  member: string,
  releases: readonly string[],
) => Promise<void>;
export type ReadLeases = (ports: StorePorts, store: Store) => Promise<readonly Lease[]>;
export type RemoveLease = (ports: StorePorts, store: Store, member: string) => Promise<void>;
/** cleanup.ts: under the lock (null if held by another). `dryRun` only tells. Returns names removed and bytes freed. */
export type CleanUp = (
  ports: StorePorts,
  store: Store,
  options: { readonly keep: readonly string[]; readonly dryRun: boolean },
) => Promise<{ readonly removed: readonly string[]; readonly bytes: number } | null>;
/** ../concourse/sources.ts. `resource` gives the path of the charm resource's file, null for none or 0 bytes; asked only if orders.resource. Throws StoreError. */
export type Resolve = (
  ports: Pick<Ports, "fs" | "http" | "hash" | "clock">,
  orders: SourceOrders,
  question: { version: string; arch: Arch },
  resource: () => Promise<string | null>,
) => Promise<{ readonly target: Target; readonly archive: Archive }>;
/** ../concourse/sources.ts: where the archive of a committed target lies; asks nobody but the resource. */
export type Locate = (orders: SourceOrders, target: Target, resource: () => Promise<string | null>) => Promise<Archive>;
/** ../concourse/sources.ts: `resource-get concourse-release` through juju-exec. */
export type JujuResource = (ports: Pick<Ports, "exec" | "fs">, unit: string) => () => Promise<string | null>;
/** retry.ts: delay before attempt n (1 = first retry). */
export type RetryDelay = (ports: Pick<Ports, "random">, attempt: number) => number;
/** ../host/ports.ts: the real ports. */
export type HostPorts = () => Ports;
