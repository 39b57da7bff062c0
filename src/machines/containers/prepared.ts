import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { code } from "../errno.ts";
import type { Flavour } from "./flavour.ts";

/** What `machines prepare` did to the host: written before it is done, so that `machines clean` misses nothing. */
export interface Prepared {
  /** Packages that were not there before. */
  readonly packages: readonly string[];
  /** A source for apt that was added, as a path; "" = none. */
  readonly source: string;
  /** How the daemon was started; "" = it was running. */
  readonly started: "own" | "service" | "";
}

const nothing: Prepared = { packages: [], source: "", started: "" };

function file(flavour: Flavour): string {
  return join(flavour.directory, "prepared.json");
}

export async function prepared(flavour: Flavour): Promise<Prepared> {
  try {
    return { ...nothing, ...(JSON.parse(await readFile(file(flavour), "utf8")) as Partial<Prepared>) };
  } catch (error) {
    if (code(error) === "ENOENT") return nothing;
    throw error;
  }
}

/** Adds to what is noted. */
export async function note(flavour: Flavour, more: Partial<Prepared>): Promise<void> {
  const before = await prepared(flavour);
  const packages = [...new Set([...before.packages, ...(more.packages ?? [])])];
  // Whoever lives in a machine must be able to pass through to its root.
  await mkdir(flavour.directory, { recursive: true, mode: 0o711 });
  await writeFile(`${file(flavour)}.new`, `${JSON.stringify({ ...before, ...more, packages })}\n`);
  await rename(`${file(flavour)}.new`, file(flavour));
}

export async function forget(flavour: Flavour): Promise<void> {
  await rm(file(flavour), { force: true });
}
