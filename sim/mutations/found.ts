/**
 * A seed for each mutation that finds it, or is near one that does: what `npm run sim -- --mutation all` prints. A change
 * of the product or of the world moves them; then a test looks on from here, and takes longer.
 */
export const FOUND_BY: Readonly<Record<string, number>> = {};
