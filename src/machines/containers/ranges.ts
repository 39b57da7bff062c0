import { readFile, writeFile } from "node:fs/promises";
import { code } from "../errno.ts";

/**
 * Which ids root may give to containers (subuid(5)). Packages of daemons add lines when they are installed and leave them when
 * they are removed; Debian's lxd 5.0.2 adds a second one for root where Incus has made one, with which no container of either
 * starts any more ("newuidmap: write to uid_map failed").
 */
const files = ["/etc/subuid", "/etc/subgid"] as const;

/** Lines by file. */
export type Ranges = Readonly<Record<string, readonly string[]>>;

/** Whose lines packages of daemons write. */
const daemons = /^(root|_lxd):/;

export async function ranges(): Promise<Ranges> {
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await linesOf(file)])));
}

async function linesOf(file: string): Promise<string[]> {
  try {
    return (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
  } catch (error) {
    if (code(error) === "ENOENT") return [];
    throw error;
  }
}

/** `now` without what daemons' packages have added to `before`; lines of users stay. */
export function withoutAdded(now: readonly string[], before: readonly string[]): string[] {
  return now.filter((line) => before.includes(line) || !daemons.test(line));
}

/** `now`, but for a second range of root where it had one before. */
export function withoutSecond(now: readonly string[], before: readonly string[]): string[] {
  const had = before.some((line) => line.startsWith("root:"));
  return now.filter((line) => !had || before.includes(line) || !line.startsWith("root:"));
}

/** Writes what `change` makes of each file, where that differs. */
export async function changeRanges(before: Ranges, change: typeof withoutAdded): Promise<void> {
  for (const file of files) {
    const now = await linesOf(file);
    const next = change(now, before[file] ?? []);
    if (next.length !== now.length) await writeFile(file, next.map((line) => `${line}\n`).join(""));
  }
}
