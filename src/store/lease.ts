import type { Dir, Ports } from "../ports.ts";
import { aboutFiles, blocked, StoreError } from "./errors.ts";
import { ensureDirectory, orNull, parseJson, readSmall, removeTree, using } from "./files.ts";
import { heldLease, isLease, isMember, LEASE, WORKERS } from "./layout.ts";
import { replaceInStore } from "./temporary.ts";
import type { Lease, Store, StoreRoot } from "./types.ts";

/** A lease that an application's fetcher holds for a unit; `releases` null: whatever it holds stays; none: it is given up. */
export interface HeldLease {
  readonly member: string;
  readonly releases: readonly string[] | null;
}

/**
 * Says which releases a unit runs or is moving to, durably: from then on no clean-up removes them. Writes nothing if
 * the lease says so already. To be called before a unit's link is swapped.
 *
 * @param member the unit's own name on the store
 * @param file its own lease unless told otherwise
 * @throws StoreError
 */
export async function writeLease(
  ports: Pick<Ports, "random">,
  store: Store,
  member: string,
  releases: readonly string[],
  file = LEASE,
): Promise<void> {
  const lease: Lease = { schema: 1, member, releases: releases.toSorted() };
  const text = `${JSON.stringify(lease)}\n`;
  await failing(store, member, async () =>
    using(await ensureDirectory(store.root, WORKERS), async (workers) =>
      using(await ensureDirectory(workers, member), async (own) => {
        // An earlier life of ours may have been killed before it was durable.
        if ((await readSmall(own, file)) === text) await own.sync();
        else await replaceInStore(ports, store, own, file, text);
      }),
    ),
  );
}

/**
 * Writes the leases of units that cannot, each in a file of this application's own beside the unit's, and gives up those
 * of units of its model that are not listed: of another model's nobody can list all. Leases that units wrote themselves, or
 * that other applications hold, are not touched. One that cannot be written holds up no other.
 *
 * @throws StoreError the first that there was
 */
export async function holdLeases(
  ports: Pick<Ports, "random">,
  store: Store,
  leases: readonly HeldLease[],
): Promise<void> {
  const file = heldLease(store.orders.application);
  const faults: unknown[] = [];
  const attempt = (work: Promise<void>) => work.catch((error: unknown) => void faults.push(error));
  for (const { member, releases } of leases) {
    if (isMember(member) && releases !== null && releases.length > 0)
      await attempt(writeLease(ports, store, member, releases, file));
  }
  const asked = new Map(leases.map(({ member, releases }) => [member, releases]));
  const model = `${store.orders.application.split("-")[0]}-`;
  const isOver = (member: string): boolean =>
    asked.has(member) ? asked.get(member)?.length === 0 : member.startsWith(model);
  await attempt(
    failing(store, "", async () =>
      using(await ensureDirectory(store.root, WORKERS), async (workers) => {
        for (const member of await workers.list()) {
          if (isOver(member)) await attempt(failing(store, member, () => giveUp(workers, member, file)));
        }
      }),
    ),
  );
  if (faults.length > 0) throw faults[0];
}

/**
 * Gives up what units of this application leased for themselves. What others hold for them stays.
 *
 * @param departed names on the store of units that are gone for good
 * @returns those of the application's units that have a lease
 * @throws StoreError
 */
export async function dropLeases(store: Store, departed: readonly string[]): Promise<string[]> {
  const prefix = `${store.orders.application}-`;
  return failing(store, "", async () =>
    using(await ensureDirectory(store.root, WORKERS), async (workers) => {
      for (const member of departed) await failing(store, member, () => giveUp(workers, member, LEASE));
      return (await workers.list()).filter(
        (name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)),
      );
    }),
  );
}

async function giveUp(workers: Dir, member: string, file: string): Promise<void> {
  const own = await orNull("ENOENT", workers.openDirectory(member));
  if (own === null) return;
  const left = await using(own, async () => {
    if ((await own.list()).includes(file)) {
      await own.unlink(file);
      await own.sync();
    }
    return own.list();
  });
  if (left.length === 0) await orNull("ENOTEMPTY", workers.removeDirectory(member));
}

/** The releases that are leased for one unit, by itself or others, in order of their names. @throws StoreError */
export async function readLease(store: StoreRoot, member: string): Promise<readonly string[]> {
  return failing(store, member, async () => {
    const workers = await orNull("ENOENT", store.root.openDirectory(WORKERS));
    return workers === null ? [] : using(workers, async () => (await leasedBy(workers, store, member)) ?? []);
  });
}

/**
 * The leases of all units of all applications, in order of their names. One that cannot be read throws: a clean-up must
 * not take it for none.
 *
 * @throws StoreError
 */
export async function readLeases(store: StoreRoot): Promise<readonly Lease[]> {
  return failing(store, "", async () => {
    const workers = await orNull("ENOENT", store.root.openDirectory(WORKERS));
    return workers === null ? [] : using(workers, () => leasesIn(workers, store));
  });
}

async function leasesIn(workers: Dir, store: StoreRoot): Promise<Lease[]> {
  const leases: Lease[] = [];
  for (const member of await workers.list()) {
    const releases = await leasedBy(workers, store, member);
    if (releases !== null) leases.push({ schema: 1, member, releases });
  }
  return leases;
}

/** Null without any lease. */
async function leasedBy(workers: Dir, store: StoreRoot, member: string): Promise<string[] | null> {
  const own = await orNull("ENOENT", workers.openDirectory(member));
  if (own === null) {
    return null;
  }
  return using(own, async () => {
    const releases = new Set<string>();
    const names = (await own.list()).filter(isLease);
    for (const name of names) {
      const text = await readSmall(own, name);
      const lease = text === null ? null : leaseOf(parseJson(text), member);
      if (text !== null && lease === null) {
        const file = `${store.path}/${WORKERS}/${member}/${name}`;
        throw new StoreError(blocked("lease-damaged", `Unreadable lease: if unit ${member} is gone: rm ${file}`));
      }
      for (const release of lease?.releases ?? []) releases.add(release);
    }
    return names.length === 0 ? null : [...releases].toSorted();
  });
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

/** `member`: whose lease it is about; "" for all. */
function failing<Result>(store: StoreRoot, member: string, work: () => Promise<Result>): Promise<Result> {
  return aboutFiles(store, member === "" ? WORKERS : `${WORKERS}/${member}`, work);
}
