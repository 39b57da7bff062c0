import { StoreError, waiting } from "./errors.ts";
import type { StoreRoot } from "./types.ts";

/** A release takes about twice the room of its archive; the rest is margin. */
const UNPACKED_RATIO = 2.5;

/**
 * Looks before anything is written that could not end well.
 *
 * @param kept bytes of the archive that are still to be kept on the store
 * @param archive size of all of it, in bytes
 * @throws StoreError naming how much is missing
 */
export async function expectRoom(
  { root, path }: StoreRoot,
  version: string,
  kept: number,
  archive: number,
): Promise<void> {
  const needed = kept + archive * UNPACKED_RATIO;
  const { free } = await root.space();
  if (free < needed) {
    const missing = Math.ceil((needed - free) / 1e6);
    throw new StoreError(
      waiting("no-space", `${path} needs ${missing} MB more for ${version}: free some (df -h ${path})`),
    );
  }
}
