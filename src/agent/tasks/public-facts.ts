/** Lays down copies for people on the store: from the web's unit, which knows them. */
import { writePublicFacts } from "../../store/public-facts.ts";
import type { PublicFacts } from "../contract.ts";
import type { Task } from "../runner.ts";
import { storeNeeds, withStore, type StoreNeeds, type TaskWorld } from "../world.ts";

interface Needs {
  readonly store: StoreNeeds;
  readonly people: PublicFacts;
}

export function publicFactsTask(world: TaskWorld): Task<Needs> {
  return {
    name: "publicFacts",
    rest: {},
    needs: (orders, findings) => {
      const store = storeNeeds(orders, findings);
      if (store === null || store === undefined) return store;
      const { people } = orders.store;
      return people !== undefined && findings.store.writable ? { store, people } : null;
    },
    begin:
      ({ store, people }) =>
      async () => {
        await withStore(world, store, (opened) => writePublicFacts(world.ports, opened, people));
        return null;
      },
  };
}
