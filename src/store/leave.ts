import { removeLease } from "./lease.ts";
import { unregister } from "./membership.ts";
import { openStore } from "./store.ts";
import type { StoreOrders } from "./types.ts";

/**
 * A unit leaves: its lease goes, and with an application's last one the application's name, so that another may have the
 * directory. A store that is away, or cannot be written, stays as it is.
 *
 * @throws StoreError
 */
export async function leaveStore(
  ports: Parameters<typeof openStore>[0],
  orders: StoreOrders,
  last: boolean,
): Promise<void> {
  const { store } = await openStore(ports, { ...orders, mayCreate: false });
  if (!store?.writable) return;
  try {
    await removeLease(store, orders.member);
    if (last) await unregister(store);
  } finally {
    await store.close();
  }
}
