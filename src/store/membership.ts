/** Which applications use a store: `apps/` on it. */
import type { Dir, Ports } from "../ports.ts";
import { blocked } from "./errors.ts";
import { ensureDirectory, orNull, using } from "./files.ts";
import * as layout from "./layout.ts";
import { replaceInStore } from "./temporary.ts";
import type { Store, StoreOrders } from "./types.ts";
import { Unusable } from "./unusable.ts";

/**
 * A store belongs to the applications in `apps/`: who comes later has to be related to all that are there.
 *
 * @returns whether ours is on the list already
 */
export async function refuseForeignStore(orders: StoreOrders, root: Dir): Promise<boolean> {
  const names = await applicationFiles(root);
  if (names.includes(layout.applicationFile(orders.application))) {
    return true;
  }
  refuseForeign(orders, names);
  return false;
}

async function applicationFiles(root: Dir): Promise<string[]> {
  const directory = await orNull("ENOENT", root.openDirectory(layout.APPLICATIONS));
  return directory === null ? [] : using(directory, () => directory.list());
}

function refuseForeign(orders: StoreOrders, names: readonly string[]): void {
  const allowed = new Set([orders.application, ...orders.related].map(layout.applicationFile));
  const foreign = names.find((name) => name.endsWith(".json") && !allowed.has(name));
  if (foreign !== undefined) {
    const file = `${orders.path}/${layout.APPLICATIONS}/${foreign}`;
    throw new Unusable(blocked("foreign-store", `Store of another application: relate to it or, if gone: rm ${file}`));
  }
}

/** Looks once more behind its own name: of two that come at one moment neither stays that sees the other. */
export async function join(ports: Pick<Ports, "random">, orders: StoreOrders, root: Dir): Promise<void> {
  await register(ports, orders, root);
  try {
    refuseForeign(orders, await applicationFiles(root));
  } catch (error) {
    await withdraw(orders, root);
    throw error;
  }
}

async function register(ports: Pick<Ports, "random">, orders: StoreOrders, root: Dir): Promise<void> {
  const text = `${JSON.stringify({ schema: 1, application: orders.application })}\n`;
  await using(await root.openDirectory(layout.APPLICATIONS), (directory) =>
    replaceInStore(ports, { root, orders }, directory, layout.applicationFile(orders.application), text),
  );
}

/** Takes an application off the list, when its last unit goes: then another one may use the store. */
export async function unregister(store: Store): Promise<void> {
  await withdraw(store.orders, store.root);
}

async function withdraw(orders: StoreOrders, root: Dir): Promise<void> {
  await using(await ensureDirectory(root, layout.APPLICATIONS), async (directory) => {
    await orNull("ENOENT", directory.unlink(layout.applicationFile(orders.application)));
    await directory.sync();
  });
}
