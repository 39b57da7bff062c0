import { readFile, writeFile } from "node:fs/promises";
import { code } from "../errno.ts";

/**
 * Which ids root may give to containers (subuid(5)). Packages of daemons see to that when they are installed, but not well: Debian's
 * lxd 5.0.2 adds a second range where Incus has made one, with which no container of either starts any more ("newuidmap:
 * write to uid_map failed"); incus-base 6.0.4 makes none where its group was there before, as it is after a purge.
 */
const files = ["/etc/subuid", "/etc/subgid"] as const;

const [size, lowest] = [1_000_000_000, 1_000_000];

/** Lines by file. */
export type Ranges = Readonly<Record<string, readonly string[]>>;

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

const ofRoot = (line: string): boolean => line.startsWith("root:");

/** What the lines should be, `before` a package was installed and `now`: root has the ranges that it had, or else one. */
export function settled(now: readonly string[], before: readonly string[]): string[] {
  if (before.some(ofRoot)) return now.filter((line) => before.includes(line) || !ofRoot(line));
  if (now.some(ofRoot)) return [...now];
  const ends = now.map((line) => line.split(":").slice(1).map(Number)).map(([start = 0, count = 0]) => start + count);
  return [...now, `root:${Math.max(lowest, ...ends)}:${size}`];
}

/** Sees to it. */
export async function settleRanges(before: Ranges): Promise<void> {
  for (const file of files) {
    const now = await linesOf(file);
    const next = settled(now, before[file] ?? []);
    if (next.length !== now.length) await writeFile(file, next.map((line) => `${line}\n`).join(""));
  }
}
