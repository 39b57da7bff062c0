import { compare, valid } from "semver";
import type { Ports } from "../ports.ts";
import { orNull, readSmall, replaceLink, using } from "./files.ts";
import { BIN, INSTALLED_VERSION, parseReleaseName, RELEASES } from "./layout.ts";
import { replaceInStore, viaStaging } from "./temporary.ts";
import type { Store } from "./types.ts";

/**
 * Brings up to date what people look at: `.installed_version` and the link `bin`. No unit reads them. Something of
 * another kind under these names is left alone.
 */
export async function writeCopiesForPeople(ports: Pick<Ports, "random">, store: Store): Promise<void> {
  const newest = await newestRelease(store);
  if (newest === null) {
    return;
  }
  const { root } = store;
  if ((await readSmall(root, INSTALLED_VERSION)) !== newest.version) {
    await replaceInStore(ports, store, root, INSTALLED_VERSION, newest.version);
  }
  const target = `${RELEASES}/${newest.name}/${BIN}`;
  const found = await orNull("ENOENT", root.lstat(BIN));
  const current = found?.kind === "link" ? await root.readlink(BIN) : null;
  if (current !== target && (found === null || found.kind === "link")) {
    await viaStaging(ports, store, (staging, temporary) => replaceLink(root, BIN, target, temporary, staging));
  }
}

async function newestRelease(store: Store): Promise<{ readonly name: string; readonly version: string } | null> {
  const names = await using(await store.root.openDirectory(RELEASES), (releases) => releases.list());
  const known = names.flatMap((name) => {
    const parts = parseReleaseName(name);
    return parts !== null && valid(parts.version) !== null ? [{ name, version: parts.version, copy: parts.copy }] : [];
  });
  return known.toSorted((a, b) => compare(b.version, a.version) || b.copy - a.copy).at(0) ?? null;
}
