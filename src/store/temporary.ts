import type { Dir, FileKind, Ports } from "../ports.ts";
import { discard, ensureDirectory, orNull, replaceFile, using } from "./files.ts";
import { STAGING, stagingMember, stagingName } from "./layout.ts";
import type { StoreOrders } from "./types.ts";

/** What a temporary name is made of: the store's directory, and whose name it is. */
export interface Owner {
  readonly root: Dir;
  readonly orders: Pick<StoreOrders, "member">;
}

/**
 * Makes something in `staging/`, under a name of this unit's own, that is then moved or linked to its place. Whatever
 * becomes of us meanwhile, it can be told to be ours, and is swept up.
 */
export async function viaStaging<Result>(
  ports: Pick<Ports, "random">,
  owner: Owner,
  make: (staging: Dir, temporary: string) => Promise<Result>,
): Promise<Result> {
  const temporary = stagingName(owner.orders.member, ports.random.uuid());
  return using(await ensureDirectory(owner.root, STAGING), async (staging) => {
    try {
      return await make(staging, temporary);
    } finally {
      await discard(staging, temporary);
    }
  });
}

/** Replaces a small file anywhere in the store, as a whole and durably. */
export async function replaceInStore(
  ports: Pick<Ports, "random">,
  owner: Owner,
  directory: Dir,
  name: string,
  text: string,
): Promise<void> {
  await viaStaging(ports, owner, (staging, temporary) => replaceFile(directory, name, text, temporary, 0o644, staging));
}

/**
 * Removes what this unit left in `staging/`: all of it before anything of a life has begun to work there; directories alone
 * before a fetch, since a life makes them for one fetch after the other, while any of its tasks may write a file.
 */
export async function sweepOwn({ root, orders }: Owner, only: FileKind | null = null): Promise<void> {
  await using(await ensureDirectory(root, STAGING), async (staging) => {
    for (const name of await staging.list()) {
      if (stagingMember(name) !== orders.member) continue;
      const kind = only && (await orNull("ENOENT", staging.lstat(name)))?.kind;
      if (kind === only) await discard(staging, name);
    }
  });
}
