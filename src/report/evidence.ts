/** All that one replay of the scenario has seen: plain data, from which checks, figures and pictures are made. */

import type { Prepared, Served } from "./engine.ts";

/** Times in milliseconds since 1970, sizes in bytes. */
export interface Evidence {
  readonly started: number;
  readonly ended: number;
  readonly version: string;
  /** Channel of PostgreSQL's charm that is to be seen; "" for a charm file. */
  readonly databaseChannel: string;
  /** Units asked for, and the number to begin with. */
  readonly units: number;
  readonly firstUnits: number;
  readonly configuration: Prepared["configuration"];
  readonly limitations: readonly string[];
  readonly moments: Moments;
  /** Steps that did not end as they should, in words. */
  readonly problems: readonly string[];
  readonly status: StatusDocument | null;
  /** `juju status` at the end. */
  readonly table: string;
  /** Unit → what its workload showed, oldest first. */
  readonly workloads: Readonly<Record<string, readonly Change[]>>;
  /** Unit → what its Juju agent did. */
  readonly agents: Readonly<Record<string, readonly Change[]>>;
  /** Machine → what it showed. */
  readonly machines: Readonly<Record<string, readonly Change[]>>;
  /** Unit → what it sees of store and services, at the end. */
  readonly looks: Readonly<Record<string, UnitLook>>;
  /** Looks at units of the first deployment until the release was there. */
  readonly lockSightings: readonly LockSighting[];
  /** Unit → results of action `storage-status`. */
  readonly storage: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The charm's option `shared-storage`. */
  readonly sharedStorage: string;
  readonly served: Served | null;
  readonly host: readonly HostEntry[] | null;
  readonly web: WebAnswer;
}

export interface Moments {
  readonly deployed: number;
  /** Change time of the release's directory: the rename that published it. */
  readonly published: number | null;
  readonly integrated: number | null;
  /** Units added later, in order, and when they were asked for. */
  readonly added: readonly { readonly unit: string; readonly at: number }[];
}

/** An entry of `show-status-log`. */
export interface Change {
  readonly at: number;
  readonly status: string;
  readonly message: string;
}

/** What `juju status --format json` says, as far as it is looked at. */
export interface StatusDocument {
  readonly applications: Readonly<Record<string, ApplicationDocument>>;
}

export interface ApplicationDocument {
  readonly "charm-channel"?: string;
  readonly version?: string;
  readonly relations?: Readonly<Record<string, readonly { readonly "related-application": string }[]>>;
  readonly units?: Readonly<Record<string, UnitDocument>>;
}

export interface UnitDocument {
  readonly "workload-status": { readonly current: string; readonly message?: string };
  readonly "juju-status": { readonly current: string; readonly message?: string };
  readonly leader?: boolean;
  readonly machine: string;
  readonly "public-address"?: string;
}

export interface UnitLook {
  /** Store id in `store.json`. */
  readonly store: string;
  /** True if `/var/lib/concourse` is a mount point in the unit. */
  readonly mounted: boolean;
  /** Device number and root inode of the mount, and its file system's own id, as `stat` gives them. */
  readonly fileSystem: string;
  /** Inode and size of `bin/concourse`. */
  readonly executable: string;
  /** What `.installed_version` holds, to the byte. */
  readonly versionMarker: string;
  /** Kind and size of `.lxc_shared_storage`. */
  readonly lxcMarker: string;
  /** Inode of `.install.lock`. */
  readonly lock: string;
  readonly lockHeld: boolean;
  /** Name of each published release → when it was published. */
  readonly releases: Readonly<Record<string, number>>;
  /** Bytes of files in `partial/`, `staging/`, `trash/` and `releases/` together, and of the largest release alone. */
  readonly releaseBytes: number;
  readonly unpackedBytes: number;
  /** Bytes of the unit's own files that have name and size of a file of the release. */
  readonly copiedBytes: number;
  /** Where `/opt/concourse/current` leads. */
  readonly current: string;
  /** Service → the file its main process runs. */
  readonly running: Readonly<Record<string, string>>;
}

export interface LockSighting {
  readonly at: number;
  /** Units in which the lock was seen held, by the kernel's list. */
  readonly holders: readonly string[];
  /** Names of releases that were published then. */
  readonly releases: readonly string[];
}

export interface HostEntry {
  readonly name: string;
  readonly kind: "file" | "directory" | "link" | "other";
  /** Of a directory: of all files below it. */
  readonly bytes: number;
  /** Of a link. */
  readonly target?: string;
}

export interface WebAnswer {
  readonly url: string;
  /** What `/api/v1/info` names; null if it did not answer. */
  readonly version: string | null;
  readonly workers: readonly { readonly name: string; readonly state: string }[];
  /** Why there is no full answer; "" if there is. */
  readonly problem: string;
}
