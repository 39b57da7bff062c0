/**
 * The rules that each mutation breaks, and a seed that finds it by one of them, or is near one that does: what
 * `npm run sim -- --mutation all` prints. A change of the product or of the world moves the seeds; then a test looks on
 * from here, and takes longer.
 */
export interface Found {
  readonly seed: number;
  readonly rules: readonly string[];
}

const VERIFIED = "only what was verified is published";
const NAMED = "every file on the store is what its name says";
const WHOLE = "readers see old or new, never none";
const LEASED = "nothing leased or in use is removed";
const ONE_DOWNLOAD = "at most one download while the lock works";
const RISING = "no unit's generation falls";

export const FOUND_BY: Readonly<Record<string, Found>> = {
  "install-in-place": { seed: 1, rules: [VERIFIED] },
  "manifest-before-files": { seed: 1, rules: [VERIFIED] },
  "no-file-fsync": { seed: 6, rules: [VERIFIED, NAMED] },
  "no-directory-fsync": { seed: 31, rules: [VERIFIED, NAMED, WHOLE] },
  "names-from-pid-and-second": { seed: 2, rules: [NAMED] },
  "planted-link-followed": { seed: 4, rules: ["no planted link is followed"] },
  "full-disk-overlooked": { seed: 36, rules: [VERIFIED, NAMED] },
  "leases-listed-once": { seed: 28, rules: [LEASED] },
  "mark-not-looked-at": { seed: 164, rules: [WHOLE, LEASED] },
  "marker-as-lock": { seed: 2, rules: ["a lock goes with its holder"] },
  "clean-up-ignores-leases": { seed: 135, rules: [LEASED, WHOLE] },
  "lock-stolen-by-age": { seed: 24, rules: [ONE_DOWNLOAD] },
  "lock-file-unlinked": { seed: 42, rules: [ONE_DOWNLOAD] },
  "lower-generation-obeyed": { seed: 23, rules: [RISING] },
  "publish-before-verify": { seed: 13, rules: [VERIFIED] },
  "adopted-without-manifest-hash": { seed: 41, rules: ["nothing unverified is adopted"] },
  "link-swapped-by-unlink": { seed: 1, rules: [WHOLE] },
  "store-id-not-compared": { seed: 83, rules: ["another store is left alone"] },
  "hook-waits": { seed: 1, rules: ["no hook waits"] },
  "state-reset-after-sleep": { seed: 23, rules: [RISING] },
  "notes-not-synced": { seed: 31, rules: [RISING, WHOLE, "a lease comes before the link"] },
  "workers-restart-at-once": { seed: 32, rules: ["one worker restarts after the other"] },
};
