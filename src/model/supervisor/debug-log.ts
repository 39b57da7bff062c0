/**
 * The model's log: one JSON object a line, in a file that `debug-log` reads back and follows.
 */

import { appendFileSync, mkdirSync, renameSync, statSync } from "node:fs";
import { createReadStream } from "node:fs";
import { dirname } from "node:path";
import { createInterface } from "node:readline";

export type Level = "TRACE" | "DEBUG" | "INFO" | "WARNING" | "ERROR" | "CRITICAL";

export interface LogEntry {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Tag as Juju prints it: `unit-app-0`, `machine-0`, `model`. */
  readonly entity: string;
  readonly level: Level;
  /** Logger: `unit.app/0.juju-log`. */
  readonly module: string;
  readonly message: string;
}

/** Bytes after which the file is set aside; one older file is kept. */
const ROTATE_AT = 64 * 1024 * 1024;

export class DebugLog {
  readonly #path: string;
  readonly #followers = new Set<(entry: LogEntry) => void>();
  #bytes: number;

  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }

  write(entry: LogEntry): void {
    const line = `${JSON.stringify(entry)}\n`;
    if (this.#bytes > ROTATE_AT) {
      renameSync(this.#path, `${this.#path}.1`);
      this.#bytes = 0;
    }
    appendFileSync(this.#path, line);
    this.#bytes += Buffer.byteLength(line);
    for (const follower of this.#followers) follower(entry);
  }

  /** Calls back for every entry from now on; the returned function ends it. */
  follow(follower: (entry: LogEntry) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** All entries written so far, oldest first. */
  async *history(): AsyncGenerator<LogEntry> {
    for (const path of [`${this.#path}.1`, this.#path]) {
      if (statSync(path, { throwIfNoEntry: false }) === undefined) continue;
      for await (const line of createInterface({ input: createReadStream(path) })) {
        const entry = parseEntry(line);
        if (entry !== null) yield entry;
      }
    }
  }
}

/** A line cut off by a crash is no entry. */
function parseEntry(line: string): LogEntry | null {
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    return null;
  }
}

/** `unit-app-0: 12:34:56 INFO unit.app/0.juju-log db:3: text` (Juju 3.6, cmd/juju/commands/debuglog.go: writeLogRecord). */
export function formatEntry(entry: LogEntry): string {
  const time = new Date(entry.time).toTimeString().slice(0, 8);
  return `${entry.entity}: ${time} ${entry.level} ${entry.module} ${entry.message}`;
}

/** True if the entry belongs to one of the named entities: a tag, a unit, or an application; none named means all. */
export function matchesEntity(entry: LogEntry, names: readonly string[]): boolean {
  if (names.length === 0) return true;
  return names.some((name) => {
    const tag = name.includes("/") ? `unit-${name.replace("/", "-")}` : name;
    return entry.entity === tag || entry.entity.replace(/^unit-(.*)-\d+$/, "$1") === name;
  });
}
