import type { Held, Ports } from "../ports.ts";
import { orNull } from "./files.ts";
import { LOCK } from "./layout.ts";
import type { Store } from "./types.ts";

/** The store's one lock, without waiting: null if someone else has it. The file stays for ever. */
export async function takeLock(ports: Pick<Ports, "lock">, store: Store): Promise<Held | null> {
  const file = await orNull("EEXIST", store.root.createFile(LOCK, 0o644));
  await file?.close();
  return ports.lock.take(store.root, LOCK);
}
