/** Where the values of a deployment's secrets can be seen. */

import { readdirSync, readFileSync } from "node:fs";
import { lstat, readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Concourse } from "./concourse.ts";

/** A piece of text that nobody but its owner may see. */
export interface Needle {
  readonly name: string;
  readonly value: string;
}

export interface FileWithSecret {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** Name of the secret in it. */
  readonly needle: string;
}

const SAMPLE_EVERY = 200;
/** Programs and images are no place for secrets, and there are a thousand megabytes of them. */
const LARGEST = 4_000_000;

/** Every command line of this host, and so of every unit, from now until it is stopped. */
export class CommandLines {
  readonly seen = new Set<string>();
  readonly #timer = setInterval(() => this.#look(), SAMPLE_EVERY);

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const pid of readdirSync("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      try {
        this.seen.add(readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "));
      } catch {
        // It has ended since.
      }
    }
  }
}

export const lines = (seen: ReadonlySet<string>): string => [...seen].join("\n");

/** All secrets that Juju holds for the model, and each worker's private key: of keys, a line from the middle. */
export async function needlesOf(concourse: Concourse): Promise<Needle[]> {
  const held = (await concourse.secrets())
    .flatMap(({ values }) => Object.entries(values))
    .filter(([name]) => /password|key|uris/.test(name))
    .map(([name, value]) => ({ name, value: /-----BEGIN/.test(value) ? (value.split("\n")[4] ?? "") : value }));
  const script = "sed -n 5p /etc/concourse/worker_key 2>/dev/null || true";
  const keys = await Promise.all((await concourse.units()).map((unit) => concourse.inUnit(unit, script)));
  const made = keys.map((line) => ({ name: "worker-key", value: line.trim() }));
  return [...held, ...made].filter(({ value }) => value.length >= 8);
}

/** Plain files below a directory that hold any of them. */
export async function filesWith(directory: string, needles: readonly Needle[]): Promise<FileWithSecret[]> {
  const found: FileWithSecret[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size, mode } = await lstat(path);
    if (size > LARGEST) continue;
    const text = await readFile(path, "latin1");
    for (const { name, value } of needles) {
      if (text.includes(value)) found.push({ path: relative(directory, path), mode: mode & 0o777, needle: name });
    }
  }
  return found;
}
