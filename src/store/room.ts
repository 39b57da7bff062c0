import { StoreError, waiting } from "./errors.ts";
import type { StoreRoot } from "./types.ts";

/** A release takes about twice the room of its archive; the rest is margin. */
const UNPACKED_RATIO = 2.5;

/** Bytes of an archive that are still to be kept on the store, and still to be unpacked there. */
export interface Ahead {
  readonly keep: number;
  readonly unpack: number;
}

/**
 * Looks before anything is written that could not end well.
 *
 * @throws StoreError naming how much is missing
 */
export async function expectRoom({ root, path }: StoreRoot, version: string, { keep, unpack }: Ahead): Promise<void> {
  const needed = Math.max(0, keep) + Math.max(0, unpack) * UNPACKED_RATIO;
  const { free } = await root.space();
  if (free < needed) {
    const missing = Math.ceil((needed - free) / 1e6);
    throw new StoreError(
      waiting("no-space", `${path} needs ${missing} MB more for ${version}: free some (df -h ${path})`),
    );
  }
}
