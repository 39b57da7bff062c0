/** Who holds the lock, and whom it keeps out: a lock has to go with its holder, however that one ends. */
import type { Lock } from "../../src/ports.ts";
import type { Life } from "../world/scheduler.ts";

export class LockWatch {
  readonly #holders = new Set<Life>();
  readonly #refused: (life: Life) => void;

  /** @param refused told of whoever was kept out by nobody */
  constructor(refused: (life: Life) => void) {
    this.#refused = refused;
  }

  /** The lock as a process uses it, watched. */
  watched(lock: Lock, life: Life): Lock {
    return {
      take: async (directory, name) => {
        const held = await lock.take(directory, name);
        if (held === null) {
          if (![...this.#holders].some(({ alive }) => alive)) this.#refused(life);
          return null;
        }
        this.#holders.add(life);
        const release = async (): Promise<void> => {
          await held.release();
          this.#holders.delete(life);
        };
        return { valid: () => held.valid(), release };
      },
    };
  }
}
