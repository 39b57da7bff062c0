import type { PublicFacts } from "../agent/contract.ts";
import type { Ports } from "../ports.ts";
import { ensureDirectory, readSmall, using } from "./files.ts";
import { CONFIG, KEYS } from "./layout.ts";
import { replaceInStore } from "./temporary.ts";
import type { Store } from "./types.ts";

/**
 * Lays down what a person who looks into the shared directory wants to know of the cluster. Writes only what differs;
 * files of `keys/` that are not named stay, since other applications may share the store.
 */
export async function writePublicFacts(ports: Pick<Ports, "random">, store: Store, facts: PublicFacts): Promise<void> {
  if ((await readSmall(store.root, CONFIG)) !== facts.config) {
    await replaceInStore(ports, store, store.root, CONFIG, facts.config);
  }
  await using(await ensureDirectory(store.root, KEYS), async (directory) => {
    for (const [name, text] of Object.entries(facts.keys)) {
      if ((await readSmall(directory, name)) !== text) await replaceInStore(ports, store, directory, name, text);
    }
  });
}
