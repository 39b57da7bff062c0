import { createHash, randomBytes, randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type { Clock, Hash, Ports, Random } from "../ports.ts";
import { hostExec } from "./exec.ts";
import { hostFs } from "./fs.ts";
import { hostHttp } from "./http.ts";
import { hostInflate } from "./inflate.ts";
import { hostLock } from "./lock.ts";

const hash: Hash = {
  sha256: () => {
    const hasher = createHash("sha256");
    return { update: (bytes) => void hasher.update(bytes), digest: () => hasher.digest("hex") };
  },
};

const clock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  // An abort ends the sleep early; whoever raised it knows.
  sleep: async (milliseconds, signal) => {
    await setTimeout(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  },
};

const random: Random = {
  uuid: () => randomUUID(),
  bytes: (count) => randomBytes(count),
  fraction: () => Math.random(),
};

/** The ports of this machine. */
export const hostPorts: Ports = {
  fs: hostFs,
  lock: hostLock,
  http: hostHttp,
  inflate: hostInflate,
  hash,
  exec: hostExec,
  clock,
  random,
};
