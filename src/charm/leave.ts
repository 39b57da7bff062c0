import { lstat, rm } from "node:fs/promises";
import { join } from "node:path";
import { NEW_CLUSTER_SECRET_FILE, ORDERS_FILE, STATE_FILE, WORKER_KEY_FILE } from "../agent/contract.ts";
import { INSTALL_DIRECTORY } from "../concourse/services.ts";
import {
  BIN,
  CONFIG,
  DIRECTORIES as STORE_DIRECTORIES,
  INSTALLED_VERSION,
  KEYS,
  LOCK,
  MARKER,
  STORE_FILE,
} from "../store/layout.ts";
import { applicationName, type Facts } from "./facts.ts";
import { MEMORY } from "./machine.ts";
import { STORE_PATH } from "./orders.ts";

/** What a unit that leaves takes with it, from the store and from its machine. */

/** The rest of the store's code is loaded only here: no other hook needs it. */
export async function giveUpLease({ local: { orders } }: Facts, last: boolean): Promise<void> {
  if (!orders) return;
  const [{ hostPorts }, { leaveStore }] = await Promise.all([import("../host/ports.ts"), import("../store/leave.ts")]);
  await leaveStore(hostPorts, orders.store, last);
}

/** Leaves nothing but the mark that this unit has stopped; a private store goes with its unit. */
export async function clearMachine(facts: Facts): Promise<void> {
  const { orders } = facts.local;
  if (orders?.store.kind === "private" && orders.store.application === applicationName(facts.environment)) {
    await clearPrivateStore();
  }
  const ours = [
    INSTALL_DIRECTORY,
    MEMORY.program,
    ORDERS_FILE,
    STATE_FILE,
    NEW_CLUSTER_SECRET_FILE,
    WORKER_KEY_FILE,
    MEMORY.followed,
    MEMORY.reloadPending,
    MEMORY.heeds,
    MEMORY.owner,
  ];
  for (const path of ours) await rm(path, { recursive: true, force: true });
}

/** Only what is ours: a disk that was mounted there on purpose keeps everything else, and a marked one all of it. */
async function clearPrivateStore(): Promise<void> {
  if (await lstat(join(STORE_PATH, MARKER)).catch(() => null)) return;
  const files = [LOCK, INSTALLED_VERSION, STORE_FILE, BIN, CONFIG, KEYS, ...STORE_DIRECTORIES];
  for (const name of files) await rm(join(STORE_PATH, name), { recursive: true, force: true });
}
