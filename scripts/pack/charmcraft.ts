import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ROOT } from "../run.mjs";
import { isExecutable, type Entry } from "./contents.ts";

/** charmcraft copies these from beside `charmcraft.yaml`, or makes them itself; they must not come from a part too. */
const OWN: ReadonlySet<string> = new Set(["metadata.yaml", "config.yaml", "actions.yaml"]);
const GENERATED = "manifest.yaml";

/**
 * Lays the same contents out as a project for `charmcraft pack` (charmcraft 3 and 4): its dump plugin takes `charm/` as it is.
 * An existing directory is replaced.
 */
export async function writeProject(directory: string, entries: readonly Entry[]): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await copyFile(join(ROOT, "charm", "charmcraft.yaml"), join(directory, "charmcraft.yaml"));
  for (const { path, content } of entries.filter((entry) => entry.path !== GENERATED)) {
    const target = join(directory, OWN.has(path) ? "" : "charm", path);
    await mkdir(dirname(target), { recursive: true });
    if (Buffer.isBuffer(content)) await writeFile(target, content, { mode: isExecutable(path) ? 0o755 : 0o644 });
    else await copyFile(content.file, target);
  }
}
