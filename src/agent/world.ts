/** What every task is given. */
import { openStore } from "../store/store.ts";
import type { Store } from "../store/types.ts";
import type { Orders } from "./contract.ts";
import { aboutStore, Fault } from "./fault.ts";
import type { Findings } from "./findings.ts";
import type { Turns } from "./juju.ts";
import type { AgentPorts } from "./ports.ts";

/** Absolute paths; the contract has the real ones. */
export interface Places {
  readonly orders: string;
  readonly state: string;
  readonly clusterSecret: string;
  readonly workerKey: string;
}

export interface TaskWorld {
  readonly ports: AgentPorts;
  readonly places: Places;
  /** Everything that goes through juju-exec takes its turn here. */
  readonly juju: Turns;
  readonly orders: () => Orders;
  readonly findings: () => Findings;
  /**
   * Resolves once the charm can read what was reported, and whatever it had ordered before it could is known: a task whose
   * orders these were not has been given up by then. False if nothing is told any more.
   */
  readonly agreed: () => Promise<boolean>;
}

/** The store as a task needs it: another value asks for the task to be begun anew. */
export interface StoreNeeds {
  readonly epoch: number;
  readonly id: string | null;
  readonly path: string;
  readonly member: string;
}

/** Null while there is no usable store, undefined until it has been looked at. */
export function storeNeeds(orders: Orders, findings: Findings): StoreNeeds | null | undefined {
  const { storeEpoch, store } = findings;
  if (storeEpoch === 0) return undefined;
  if (!store.mounted || store.problem !== null) return null;
  return { epoch: storeEpoch, id: store.id, path: orders.store.path, member: orders.store.member };
}

/** One round of work in the store, opened anew so that a store that went away or was exchanged is noticed. */
export async function withStore<T>(
  world: TaskWorld,
  { id }: StoreNeeds,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const orders = { ...world.orders().store, id, mayCreate: false };
  const { store, state } = await openStore(world.ports, orders, world.findings().store);
  if (store === null) {
    throw new Fault(state.problem ?? { code: "store-lost", message: "Shared storage went away", blocked: false });
  }
  try {
    return await aboutStore(store.path, () => work(store));
  } finally {
    await store.close();
  }
}
