/**
 * What replays the scenario: a tool that speaks Juju's verbs, and the little that only that tool can tell. The scenario
 * itself knows nothing of it.
 */

export interface Engine {
  /** What is written before a verb: `juju`, or the program that has Juju's verbs. */
  readonly words: readonly string[];
  /** Makes an empty model, and has at hand what the scenario deploys. */
  prepare(say: (line: string) => void): Promise<Prepared>;
  /** What the release mirror has sent since it was started; null if none of ours serves the release. */
  served(): Promise<Served | null>;
  /** Removes the model and all that `prepare` made. Idempotent; also after a `prepare` that failed. */
  remove(): Promise<void>;
}

export interface Prepared {
  readonly model: string;
  /** The charm's file, as `deploy` takes it. */
  readonly charm: string;
  /** What `deploy` takes for PostgreSQL: name and channel on Charmhub, or a charm file; and the channel to be seen then. */
  readonly databaseWords: readonly string[];
  readonly databaseChannel: string;
  /** Version of Concourse that is to come of it. */
  readonly version: string;
  /** Further words for `deploy` and `expose`: where the release is, the disk that all units share, the host's port. */
  readonly deployWords: readonly string[];
  readonly exposeWords: readonly string[];
  /** Where the web answers once it is exposed; `address` is that of the web's unit. */
  readonly url: (address: string) => string;
  /** The shared directory as this host sees it; null if it lies elsewhere. */
  readonly hostDirectory: string | null;
  /** What is run on what, for the report. */
  readonly configuration: readonly (readonly [name: string, value: string])[];
  readonly limitations: readonly string[];
}

export interface Served {
  /** Name of the archive, as in requests' paths. */
  readonly archive: string;
  /** Its size in bytes. */
  readonly size: number;
  /** Finished requests, oldest first. */
  readonly requests: readonly ServedRequest[];
}

/** Times in milliseconds since 1970. */
export interface ServedRequest {
  readonly start: number;
  readonly end: number;
  readonly method: string;
  readonly path: string;
  /** Bytes of the body. */
  readonly bytes: number;
  /** Address of the unit that asked. */
  readonly remote: string;
}
