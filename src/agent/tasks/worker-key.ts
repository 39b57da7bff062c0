/** The worker's key pair: made once, on the worker, and only its public half is told. */
import { publicLine } from "../../concourse/ssh-keys.ts";
import { readText, sweepTemporary, writePrivate } from "../files.ts";
import type { Task } from "../runner.ts";
import type { TaskWorld } from "../world.ts";

/** NIST SP 800-57: good beyond 2030, and a third of the time that 4096 bits take. */
const BITS = 3072;

export function workerKeyTask({ ports, places }: TaskWorld): Task<true> {
  return {
    name: "workerKey",
    rest: { workerPublicKey: null },
    needs: ({ workerKey }) => (workerKey ? true : null),
    begin: () => async (io) => {
      const there = publicHalf(await readText(ports, places.workerKey));
      io.report({ workerPublicKey: there ?? (await make()) });
      return null;
    },
  };

  async function make(): Promise<string> {
    const key = await ports.keys.rsa(BITS);
    await sweepTemporary(ports, places.workerKey);
    await writePrivate(ports, places.workerKey, key);
    return publicLine(key);
  }
}

/** Null for no key, also for a file that holds none: then nobody can have used it. */
function publicHalf(pem: string | null): string | null {
  try {
    return pem === null ? null : publicLine(pem);
  } catch {
    return null;
  }
}
