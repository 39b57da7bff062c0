/**
 * A seed for each mutation that finds it, or is near one that does: what `npm run sim -- --mutation all` prints. A change
 * of the product or of the world moves them; then a test looks on from here, and takes longer.
 */
export const FOUND_BY: Readonly<Record<string, number>> = {
  "install-in-place": 1,
  "manifest-before-files": 1,
  "no-file-fsync": 20,
  "no-directory-fsync": 20,
  "names-from-pid-and-second": 1,
  "planted-link-followed": 34,
  "full-disk-overlooked": 62,
  "leases-listed-once": 127,
  "mark-not-looked-at": 80,
  "marker-as-lock": 1,
  "clean-up-ignores-leases": 127,
  "lock-stolen-by-age": 1438,
  "lock-file-unlinked": 54,
  "lower-generation-obeyed": 3,
  "publish-before-verify": 115,
  "adopted-without-manifest-hash": 87,
  "link-swapped-by-unlink": 1,
  "store-id-not-compared": 181,
  "hook-waits": 1,
  "notes-not-synced": 1,
  "state-reset-after-sleep": 518,
};
