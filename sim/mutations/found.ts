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
  "no-file-fsync": { seed: 5, rules: [VERIFIED, NAMED] },
  "no-directory-fsync": { seed: 31, rules: [VERIFIED, NAMED, WHOLE] },
  "names-from-pid-and-second": { seed: 1, rules: [NAMED] },
  "planted-link-followed": { seed: 58, rules: ["no planted link is followed"] },
  "full-disk-overlooked": { seed: 2, rules: [VERIFIED, NAMED] },
  "leases-listed-once": { seed: 740, rules: [LEASED] },
  "mark-not-looked-at": { seed: 135, rules: [WHOLE, LEASED] },
  "marker-as-lock": { seed: 7, rules: ["a lock goes with its holder"] },
  "clean-up-ignores-leases": { seed: 87, rules: [LEASED, WHOLE] },
  "lock-stolen-by-age": { seed: 29, rules: [ONE_DOWNLOAD] },
  "lock-file-unlinked": { seed: 9, rules: [ONE_DOWNLOAD] },
  "lower-generation-obeyed": { seed: 9, rules: [RISING] },
  "publish-before-verify": { seed: 4, rules: [VERIFIED] },
  "adopted-without-manifest-hash": { seed: 103, rules: ["nothing unverified is adopted"] },
  "link-swapped-by-unlink": { seed: 1, rules: [WHOLE] },
  "store-id-not-compared": { seed: 242, rules: ["another store is left alone"] },
  "hook-waits": { seed: 1, rules: ["no hook waits"] },
  "state-reset-after-sleep": { seed: 9, rules: [RISING] },
  "notes-not-synced": { seed: 9, rules: [RISING, WHOLE, "a lease comes before the link"] },
};
