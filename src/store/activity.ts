import type { Dir } from "../ports.ts";
import { orNull, using } from "./files.ts";
import { PARTIAL, STAGING } from "./layout.ts";
import type { Store } from "./types.ts";

/**
 * What lies in `partial/` and `staging/`, by name and size: another text as soon as whoever fetches has got any further.
 * By sizes, since clocks of other machines tell nothing.
 */
export async function activityOf(store: Store): Promise<string> {
  const found: string[] = [];
  for (const name of [PARTIAL, STAGING]) {
    await noteAll(store.root, name, found);
  }
  return found.join(" ");
}

async function noteAll(above: Dir, name: string, found: string[]): Promise<void> {
  const directory = await orNull("ENOENT", above.openDirectory(name));
  if (directory === null) {
    return;
  }
  await using(directory, async () => {
    for (const entry of await directory.list()) {
      const stat = await orNull("ENOENT", directory.lstat(entry));
      found.push(`${entry}:${stat?.size ?? 0}`);
      if (stat?.kind === "directory") {
        await noteAll(directory, entry, found);
      }
    }
  });
}
