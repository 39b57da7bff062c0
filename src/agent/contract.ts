/**
 * What the charm and the unit's agent tell each other: two JSON files in `/var/lib/concourse-unit/`, each written by one
 * side only (temp file, fsync, rename; mode 0600) and read by the other.
 *
 * - `orders.json`: the charm's standing orders. They are complete every time: what is not ordered is not done.
 * - `state.json`: what the agent found and did. `sequence` rises with every content written; the charm acknowledges the
 *   one it has acted on in `orders.acknowledged`. While that one differs from what is true in anything the charm should
 *   look at (the table in `matters.ts`), the agent wakes the charm, again and again.
 *
 * Plain types, nothing else: both sides import this file and only this file of each other.
 */

export const AGENT_DIRECTORY = "/var/lib/concourse-unit";
export const ORDERS_FILE = `${AGENT_DIRECTORY}/orders.json`;
export const STATE_FILE = `${AGENT_DIRECTORY}/state.json`;
/** Where the agent leaves freshly made cluster secrets until the leader's charm has put them into Juju: 0600. */
export const NEW_CLUSTER_SECRET_FILE = `${AGENT_DIRECTORY}/new-cluster-secret.json`;
/** The private key of the unit's worker, made by the agent: RSA, PKCS#1 PEM, 0600. The public half is in the state. */
export const WORKER_KEY_FILE = "/etc/concourse/worker_key";

export type Arch = "amd64" | "arm64";

/** A release everyone agrees on before a byte is fetched: the digest comes first. */
export interface Target {
  readonly version: string;
  readonly arch: Arch;
  /** SHA-256 of the archive, lower-case hex. */
  readonly sha256: string;
  /** SHA-256 of the published `manifest.json`; null until the fetcher has published it and the leader committed it. */
  readonly manifestSha256: string | null;
}

/** A published copy of a release that is not what its manifest says. */
export interface Damage {
  /** Name of the directory under `releases/`. */
  readonly release: string;
  /** What is damaged lies in `bin/`: what runs from there may be damaged too. */
  readonly programs: boolean;
}

/** Where archives and digests come from, in this order: resource, mirrors, GitHub. GitHub only if there are none. */
export interface SourceOrders {
  /** True if the charm's resource `concourse-release` may hold an archive (asked for by `resource-get`, 0 bytes = none). */
  readonly resource: boolean;
  /** Base URLs of mirrors without a trailing slash, in the order in which they are asked. */
  readonly mirrors: readonly string[];
  /** SHA-256 that the operator demands, or null. Wins over every other digest. */
  readonly digest: string | null;
  /** SHA-256 by `<version>-<arch>` that the charm brings with it, for archives from GitHub. */
  readonly known: Readonly<Record<string, string>>;
  readonly githubToken: string | null;
  readonly httpProxy: string | null;
  readonly httpsProxy: string | null;
  readonly noProxy: string | null;
}

/** What anybody who can read the shared directory may know. */
export interface PublicFacts {
  /** Text of `config.env`. */
  readonly config: string;
  /** Files of `keys/`: name → public keys, one a line. */
  readonly keys: Readonly<Record<string, string>>;
}

export interface DatabaseOrders {
  /** Candidates in the provider's order; the agent picks the first that takes connections and is not a standby. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** The provider says TLS: nothing is sent in clear. Absent in orders of an earlier charm, which had it with a CA only. */
  readonly tls?: boolean;
  /** PEM of the provider's CA; null = it is not told, or there is no TLS. */
  readonly ca: string | null;
}

export interface Orders {
  readonly schema: 1;
  readonly unit: string;
  readonly modelUuid: string;
  readonly charmDirectory: string;
  /** Highest `AgentState.sequence` the charm has acted on; 0 while it is to be woken again whatever the state is. */
  readonly acknowledged: number;
  /** True from the charm's `stop` on: finish nothing, start nothing, wake nobody. */
  readonly stopping: boolean;

  readonly store: {
    /** `mount`: the directory must be a mount point with the marker; `private`: a plain local directory. */
    readonly kind: "mount" | "private";
    readonly path: string;
    /** The store id committed in app data; another id under the path is an error. null = none committed yet. */
    readonly id: string | null;
    /** True on the leader: it may create `store.json` in an empty store. */
    readonly mayCreate: boolean;
    /** `<short model uuid>-<app>`: the name of this application on the store. */
    readonly application: string;
    /** Applications (same form) that may share the store with ours: itself and related ones; others mean "blocked". */
    readonly related: readonly string[];
    /** `<short model uuid>-<app>-<n>`: the unit's own name on the store. */
    readonly member: string;
    /** Releases this unit's lease must name: what it runs, and what it is moving to. Names of release directories. */
    readonly lease: readonly string[];
    /**
     * On the fetcher: leases to hold for units that cannot write, of this application and related ones. `releases` null:
     * leave what this one has; none: give it up, as is done for all of this model that are not listed. Absent: hold none,
     * touch none.
     */
    readonly leasesFor?: readonly { readonly member: string; readonly releases: readonly string[] | null }[];
    /** On the fetcher: units of its application that are gone, of those in `AgentState.leasing`: what they leased is given up. */
    readonly departed?: readonly string[];
    /** Releases that the application's clean-up must keep besides leased ones. */
    readonly keep: readonly string[];
    /** No roll-out is under way and every unit runs the target: remove what nobody leases and `keep` does not name. */
    readonly cleanUp?: boolean;
    /** On the web's unit: public facts of the cluster to lay down on the store. Copies for people; no unit reads them. */
    readonly people?: PublicFacts;
  };

  readonly source: SourceOrders;
  /** Ask the source which archive this version is (empty version = the newest); null = nothing to find out. */
  readonly resolve: { readonly version: string; readonly arch: Arch } | null;
  /** The committed release; the agent watches the store for it and verifies it. */
  readonly target: Target | null;
  /** Copies of the target that are damaged: none of them is used, and a new one is fetched beside them. */
  readonly damaged?: readonly string[];
  /** True if this unit is the one to fetch the target. */
  readonly fetch: boolean;
  /** An operator's wish to have everything looked at again at once; another `id` is another wish. */
  readonly request?: {
    readonly id: string;
    /** False: fetch also while somebody else has the store's lock. */
    readonly lock: boolean;
  } | null;
  /** True while the unit's status tells of something else that must stay in sight: no progress is shown over it. */
  readonly quiet?: boolean;

  /** Make the worker's key pair if it is not there. */
  readonly workerKey: boolean;
  /** This unit is to run a worker: look at what builds need of the machine. */
  readonly worker?: boolean;
  /** Make the secrets of a new cluster if there are none: only on the leader, only while Juju holds none. */
  readonly clusterSecret: boolean;

  readonly database: DatabaseOrders | null;

  /** Set on a unit that runs a web: probe its API and list its workers. */
  readonly web: {
    /** `http://127.0.0.1:8080` */
    readonly url: string;
    readonly username: string;
    readonly password: string;
    /** Names of the workers that are authorised: while one is missing, the agent looks for it more often. */
    readonly expected?: readonly string[];
  } | null;

  /** Set on the leader: probe the web of another unit (design §5 "silent"); null elsewhere. */
  readonly probe: {
    readonly unit: string;
    readonly url: string;
    /** No web has run there yet, and installing takes its time: a closed port is an answer, only a dead machine is silent. */
    readonly installing?: boolean;
  } | null;

  /** systemd units whose state the agent watches. */
  readonly services: readonly string[];
}

/** Something that went wrong: `code` for the program, `message` for the status line (cause and next step, one line). */
export interface Problem {
  readonly code: string;
  readonly message: string;
  /** True if only the operator can end it (status blocked); false = it may pass by itself (status waiting). */
  readonly blocked: boolean;
}

export interface StoreState {
  /** The directory is there, is a mount point where that is asked for, and carries the marker. */
  readonly mounted: boolean;
  readonly id: string | null;
  readonly writable: boolean;
  readonly problem: Problem | null;
}

export interface FetchState {
  readonly version: string;
  readonly step: "waiting" | "downloading" | "unpacking" | "published" | "failed";
  readonly bytes: number;
  readonly total: number | null;
  /** Bytes a second over the last few seconds. */
  readonly rate: number;
  /** The member that holds the lock, if another one does and says so. */
  readonly holder: string | null;
}

export interface ReleaseState {
  readonly sha256: string;
  /** Name of the directory under `releases/`. */
  readonly name: string;
  readonly manifestSha256: string;
  /** `bin/` has been read and agrees with the manifest. */
  readonly verified: boolean;
}

export interface ServiceState {
  /** systemd's ActiveState: active, activating, failed, inactive … */
  readonly active: string;
  readonly mainPid: number;
  /** systemd's NRestarts: since the service was last started by hand or hook. */
  readonly restarts: number;
  /** Restarts that the agent has seen in the last ten minutes, where they are more than a mishap. */
  readonly recent?: number;
  /** Why it ended last, where it keeps ending and says so. */
  readonly cause?: string;
}

export interface WebState {
  /** `/api/v1/info` answers; its version. */
  readonly api: boolean;
  readonly version: string | null;
  /** An endpoint that needs the database answers (login and worker list). */
  readonly database: boolean;
  /** Since its start it has looked for builds to follow, those that run among them. Absent: not yet. */
  readonly tracks?: boolean;
  /** Workers in state running, with the name they registered under, sorted by name. */
  readonly workers: readonly {
    readonly name: string;
    readonly state: string;
    /** When the registered process began, by its machine's clock, in seconds since 1970; null if the web does not tell. */
    readonly since: number | null;
  }[];
  readonly problem: string | null;
}

/** Something that builds need of their machine and that is missing. */
export interface Lack {
  readonly name: string;
  /** `worker`: Concourse's worker would not start. `builds`: it starts, and no build runs. `some`: the rest do. */
  readonly stops: "worker" | "builds" | "some";
  /** What is missing and how to get it: the end of a status line. */
  readonly message: string;
}

/** What builds need of the machine that a worker runs on. */
export interface Preflight {
  /** The package that is being installed just now. */
  readonly installing: string | null;
  /** The first cause first. */
  readonly lacks: readonly Lack[];
}

export interface AgentState {
  readonly schema: 1;
  readonly sequence: number;
  /** Identity of the program the agent runs, so that the charm can tell an old agent: SHA-256 of its bundle. */
  readonly program: string;
  readonly store: StoreState;
  /**
   * The lease as it stands on the store, made durable: null until one was written, by this unit or, where its mount is
   * read-only, for it (or while the store is away).
   */
  readonly lease: readonly string[] | null;
  /** On the fetcher: units of its application that have a lease on the store, by their names there. */
  readonly leasing: readonly string[];
  /** Answer to `orders.resolve`; `asked` is the `version` of the question ("" for the newest). */
  readonly resolved: {
    readonly asked: string;
    readonly target: Target | null;
    readonly problem: Problem | null;
  } | null;
  readonly fetch: FetchState | null;
  /** Why the last fetch or adoption failed; null once it succeeds. */
  readonly fetchProblem: Problem | null;
  /** The target as found on the store; null while it is not there. */
  readonly release: ReleaseState | null;
  /** Copies of the target that were found damaged, in order of their names. */
  readonly damaged: readonly Damage[];
  /** Public half of the worker key as one `ssh-rsa …` line. */
  readonly workerPublicKey: string | null;
  /** Null where no worker is to run, and until the machine has been looked at. */
  readonly preflight: Preflight | null;
  /**
   * The worker's process `pid` has made a volume, a copy of it and a container, or why it could not. Null until that is
   * known. Absent in states of older agents.
   */
  readonly trial?: { readonly pid: number; readonly problem: string | null } | null;
  /** True when NEW_CLUSTER_SECRET_FILE holds a complete set. */
  readonly clusterSecretReady: boolean;
  readonly database: {
    readonly ready: boolean;
    readonly host: string;
    readonly port: number;
    readonly problem: Problem | null;
    /** No web has migrated it: it is new, or was made anew. Absent: one has. */
    readonly empty?: boolean;
    /** What webs do every ten seconds none has done for a minute. Absent: it is done. */
    readonly idle?: boolean;
  } | null;
  readonly web: WebState | null;
  /** The probed web has answered none of several probes over at least 60 s. */
  readonly probe: { readonly unit: string; readonly silent: boolean } | null;
  readonly services: Readonly<Record<string, ServiceState>>;
  /** What else goes wrong, by task (`workerKey`, `lease`, …): tried again, mostly a fault of the machine. */
  readonly problems: Readonly<Record<string, Problem>>;
}

/** Contents of NEW_CLUSTER_SECRET_FILE, and the keys of the Juju secret made from it. */
export interface ClusterSecret {
  readonly "admin-password": string;
  /** bcrypt, cost 10: Concourse takes the hash in place of the password. */
  readonly "admin-password-hash": string;
  /** RSA private keys, PKCS#1 PEM. */
  readonly "session-signing-key": string;
  readonly "tsa-host-key": string;
}
