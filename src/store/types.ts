/** The nouns of the shared store. Names of everything on disk are in `layout.ts`. */
import type { Arch, Orders, Problem, StoreState, Target } from "../agent/contract.ts";
import type { Dir, Proxy } from "../ports.ts";

export type StoreOrders = Orders["store"];

/** A store that was found, checked and pinned. Open it anew for every round of work, so that a lost mount is seen. */
export interface Store {
  readonly root: Dir;
  readonly path: string;
  readonly id: string;
  readonly writable: boolean;
  readonly orders: StoreOrders;
  close(): Promise<void>;
}

/** All that looking at a store needs: the host sees it without being one of its units. */
export type StoreRoot = Pick<Store, "root" | "path">;

/** `store` is null exactly if `state.problem` is not. */
export interface Opened {
  readonly state: StoreState;
  readonly store: Store | null;
}

/** Where an archive lies. */
export type Archive =
  | { readonly kind: "file"; readonly path: string }
  | {
      readonly kind: "http";
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly proxy: Proxy;
    };

/** An archive that was fetched whole and found bad: not fetched again until it looks different, or for long. */
export interface BadArchive {
  readonly url: string;
  /** By the steady clock: when it is fetched again all the same, since its bytes may have gone bad on the way. */
  readonly until: number;
  /** How long that was from when it was found bad, in milliseconds. */
  readonly rest: number;
  /** SHA-256 that it should have had. */
  readonly wanted: string;
  readonly etag: string | null;
  readonly modified: string | null;
  readonly length: number | null;
  readonly problem: Problem;
}

export interface FetchProgress {
  readonly step: "downloading" | "unpacking";
  readonly bytes: number;
  /** Size of the archive, once known. */
  readonly total: number | null;
  /** Bytes a second over the last few seconds. */
  readonly rate: number;
  /** Why no bytes come at the moment; it is being tried again. */
  readonly problem: Problem | null;
}

export interface FetchOptions {
  /** Called at every change, at most a few times a second. */
  readonly report: (progress: FetchProgress) => void;
  /** Raised to give up: keeps the partial download, removes the staging directory, throws `AbortError`. */
  readonly signal: AbortSignal;
  /** False only for the action that fetches without the lock. */
  readonly lock: boolean;
  /** `SourceError.bad` of earlier attempts. */
  readonly bad: readonly BadArchive[];
  /** Published copies that a deep check has found damaged: a new one is fetched in spite of them. */
  readonly damaged?: readonly string[];
}

export type FetchOutcome =
  | { readonly kind: "published"; readonly name: string; readonly manifestSha256: string; readonly fetched: number }
  /** Someone else has the lock; `holder` is who the store says it is. */
  | { readonly kind: "held"; readonly holder: string | null };

export interface ManifestFile {
  readonly path: string;
  readonly size: number;
  /** 0o444 or 0o555. */
  readonly mode: number;
  readonly sha256: string;
}

/** `manifest.json`: what a release consists of. The same archive gives the same bytes. Lists are sorted by path. */
export interface Manifest {
  readonly schema: 1;
  readonly version: string;
  readonly arch: Arch;
  /** SHA-256 of the archive. */
  readonly archive: string;
  readonly directories: readonly string[];
  readonly files: readonly ManifestFile[];
  readonly links: readonly { readonly path: string; readonly target: string }[];
}

/** A release found on the store whose manifest is what it should be. */
export interface Release {
  /** Name of its directory under `releases/`. */
  readonly name: string;
  readonly manifestSha256: string;
  readonly manifest: Manifest;
}

/**
 * `shape`: everything listed is there with kind, size and mode, and nothing else. `bin`: that, and contents of `bin/`.
 * `all`: that, and the contents of everything.
 */
export type Depth = "shape" | "bin" | "all";

/** `worker/<member>/state.json`. */
export interface Lease {
  readonly schema: 1;
  readonly member: string;
  /** Release directories this unit runs or is moving to. */
  readonly releases: readonly string[];
}

export type { Arch, Problem, Target };
