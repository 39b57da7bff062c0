import type { Dir, Ports } from "../ports.ts";
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
 * Removes what this unit left in `staging/`.
 *
 * @param what `all`: before anything of an agent's life has begun to work there. `directories`, which one fetch after the
 * other makes: before a fetch, while other tasks may write files. `files`: while a fetch may still run that was given up,
 * since what is taken away from under it could be published in part.
 */
export async function sweepOwn({ root, orders }: Owner, what: "all" | "directories" | "files" = "all"): Promise<void> {
  await using(await ensureDirectory(root, STAGING), async (staging) => {
    for (const name of await staging.list()) {
      if (stagingMember(name) !== orders.member) continue;
      const stat = await orNull("ENOENT", staging.lstat(name));
      const kind = stat?.kind === "directory" ? "directories" : "files";
      if (what === "all" || what === kind) await discard(staging, name);
    }
  });
}
