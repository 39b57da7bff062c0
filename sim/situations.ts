/** What a run of many seeds must have met, each so often, or it proves little. By the names that the world counts. */

/** Times in ten thousand seeds. */
export const LEAST = 100;

export const SITUATIONS: readonly string[] = [
  "agent killed",
  "killed downloading",
  "killed unpacking",
  "killed before publication",
  "killed between publish and fsync",
  "killed leasing",
  "killed moving to trash",
  "paused looking at leases again",
  "version changed while a release was moved to trash",
  "version went back while a cleaner slept",
  "paused before publication",
  "paused between publish and fsync",
  "hook killed before its commit",
  "leader lost before its commit",
  "paused holder outlived by a new leader",
  "holder paused for more than a minute",
  "power loss",
  "power loss between publish and fsync",
  "power loss leasing",
  "power lost with unsynced local files",
  "mount lost under the lock",
  "another store mounted",
  "store remounted read-only",
  "lock file replaced under its holder",
  "disk full",
  "link planted in the store",
  "copy planted beside a release",
  "release in use: byte rotted",
  "release in use: byte changed",
  "release in use: file truncated",
  "release in use: mode changed",
  "release in use: file removed",
  "damage met by a reader",
  "copy published beside a damaged one",
  "lowest generation met",
  "version changed in mid-download",
  "unit added in mid-download",
  "unit removed in mid-download",
  "wall clock jumped",
  "event lost",
  "event doubled",
  "event reordered",
  "connection refused",
  "connection stalled",
  "connection cut",
  "wrong bytes served",
  "another archive served",
  "wrong digest told",
  "web page served",
  "status 404",
  "status 429",
  "status 503",
  "archive changed on the mirror",
  "range ignored",
  "download taken over by another unit",
  "strange application refused",
  "store shared across models, read-only",
  "store shared across models, writable",
  "two writable worker applications of one web",
];

/** Those that were met too seldom, for as many seeds. */
export function missing(met: ReadonlyMap<string, number>, seeds: number): string[] {
  const least = Math.floor((LEAST * seeds) / 10_000);
  return SITUATIONS.filter((situation) => (met.get(situation) ?? 0) < least).map(
    (situation) => `${situation}: ${met.get(situation) ?? 0}`,
  );
}
