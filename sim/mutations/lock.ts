/** Faults in how units keep out of each other's way, and in what they believe of what they fetched. */
import { ORDERS_FILE, type Orders } from "../../src/agent/contract.ts";
import type { AgentPorts } from "../../src/agent/ports.ts";
import type { Held, Lock } from "../../src/ports.ts";
import { errno } from "../../src/store/errors.ts";
import type { SimUnit } from "../world/unit.ts";
import type { World } from "../world/world.ts";
import { mutation, type Mutation } from "./mutation.ts";

function ofLock(name: string, make: (lock: Lock, unit: SimUnit) => Lock["take"]): Mutation {
  return mutation(name, { ports: (ports, unit) => ({ ...ports, lock: { take: make(ports.lock, unit) } }) });
}

/** Whoever makes the file has the lock; a holder that dies takes it along. */
const markerAsLock = ofLock("marker-as-lock", () => async (dir) => {
  const marker = ".installing";
  try {
    await (await dir.createFile(marker, 0o644)).close();
  } catch (error) {
    if (errno(error) === "EEXIST") return null;
    throw error;
  }
  return { valid: async () => true, release: () => dir.unlink(marker) };
});

/** When the lock of a world was taken last, by the wall clock. */
const taken = new WeakMap<World, number>();
const OLD_MS = 3_000;

const lockStolenByAge = ofLock("lock-stolen-by-age", (lock, { world }) => async (dir, name): Promise<Held | null> => {
  const held = await lock.take(dir, name);
  const now = world.scheduler.now();
  if (held === null && now - (taken.get(world) ?? now) <= OLD_MS) return null;
  taken.set(world, now);
  return held ?? { valid: async () => true, release: async () => undefined };
});

/** Tidy: whoever has the lock has no more use for its name, and nobody compares the two. */
const lockFileUnlinked = ofLock("lock-file-unlinked", (lock) => async (dir, name) => {
  const held = await lock.take(dir, name);
  if (held === null) return null;
  await dir.unlink(name);
  return { valid: async () => true, release: () => held.release() };
});

/** Whatever came is taken for what was asked for. */
const publishBeforeVerify = mutation("publish-before-verify", {
  ports: (ports, unit): AgentPorts => ({
    ...ports,
    hash: {
      sha256: () => {
        const hasher = ports.hash.sha256();
        let isArchive: boolean | null = null;
        return {
          update: (bytes) => {
            isArchive ??= typeof bytes !== "string" && bytes[0] === 0x1f && bytes[1] === 0x8b;
            hasher.update(bytes);
          },
          digest: () => {
            const digest = hasher.digest();
            return isArchive === true ? (wantedBy(unit) ?? digest) : digest;
          },
        };
      },
    },
  }),
});

function wantedBy(unit: SimUnit): string | null {
  const text = unit.machine.text(ORDERS_FILE);
  return text === null ? null : ((JSON.parse(text) as Orders).target?.sha256 ?? null);
}

export const LOCK_MUTATIONS: readonly Mutation[] = [
  markerAsLock,
  lockStolenByAge,
  lockFileUnlinked,
  publishBeforeVerify,
];
