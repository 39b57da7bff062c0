import type { Dir, Ports } from "../ports.ts";
import { blocked, errno, fileProblem, StoreError } from "./errors.ts";
import { ensureDirectory, orNull, parseJson, readSmall, removeTree, using } from "./files.ts";
import { isMember, LEASE, WORKERS } from "./layout.ts";
import { replaceInStore } from "./temporary.ts";
import type { Lease, Store } from "./types.ts";

/**
 * Says which releases a unit runs or is moving to, durably: from then on no clean-up removes them. Writes nothing if
 * the lease says so already. To be called before a unit's link is swapped.
 *
 * @param member the unit's own name on the store, or that of a read-only unit for which its fetcher writes
 * @throws StoreError
 */
export async function writeLease(
  ports: Pick<Ports, "random">,
  store: Store,
  member: string,
  releases: readonly string[],
): Promise<void> {
  const lease: Lease = { schema: 1, member, releases: releases.toSorted() };
  const text = `${JSON.stringify(lease)}\n`;
  await failing(store, member, async () =>
    using(await ensureDirectory(store.root, WORKERS), async (workers) =>
      using(await ensureDirectory(workers, member), async (own) => {
        if ((await readSmall(own, LEASE)) !== text) {
          await replaceInStore(ports, store, own, LEASE, text);
        }
      }),
    ),
  );
}

/**
 * The leases of all units of all applications, in order of their names. One that cannot be read throws: a clean-up must
 * not take it for none.
 *
 * @throws StoreError
 */
export async function readLeases(store: Store): Promise<readonly Lease[]> {
  return failing(store, "", async () => {
    const workers = await orNull("ENOENT", store.root.openDirectory(WORKERS));
    return workers === null ? [] : using(workers, () => leasesIn(workers, store));
  });
}

async function leasesIn(workers: Dir, store: Store): Promise<Lease[]> {
  const leases: Lease[] = [];
  for (const member of await workers.list()) {
    const own = await orNull("ENOENT", workers.openDirectory(member));
    const text = own === null ? null : await using(own, () => readSmall(own, LEASE));
    if (text === null) {
      continue;
    }
    const lease = leaseOf(parseJson(text), member);
    if (lease === null) {
      const file = `${store.path}/${WORKERS}/${member}/${LEASE}`;
      throw new StoreError(blocked("lease-damaged", `Unreadable lease: if unit ${member} is gone: rm ${file}`));
    }
    leases.push(lease);
  }
  return leases;
}

/** Ends a lease: the unit is gone. */
export async function removeLease(store: Store, member: string): Promise<void> {
  await failing(store, member, async () =>
    using(await ensureDirectory(store.root, WORKERS), async (workers) => {
      await removeTree(workers, member);
      await workers.sync();
    }),
  );
}

function leaseOf(value: unknown, member: string): Lease | null {
  const lease = value as Lease | null;
  const known = typeof lease === "object" && lease?.schema === 1 && lease.member === member && isMember(member);
  return known && Array.isArray(lease.releases) && lease.releases.every((name) => typeof name === "string")
    ? lease
    : null;
}

async function failing<Result>(store: Store, member: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (errno(error) === "") {
      throw error;
    }
    throw new StoreError(fileProblem(error, store.path, member === "" ? WORKERS : `${WORKERS}/${member}`), {
      cause: error,
    });
  }
}
