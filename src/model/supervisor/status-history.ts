/**
 * What units, machines and applications have shown in `status`, one entry a change, to the millisecond: what
 * `show-status-log` prints. Kept in a file of JSON lines, the newest entries of each entity.
 */

import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { StatusData, StatusValue } from "../state/types.ts";

/** Kinds of status by Juju's names (Juju 3.6, core/status/statushistory.go). */
export type HistoryKind = "application" | "workload" | "juju-unit" | "juju-machine" | "machine";

export interface HistoryEntry {
  readonly entity: string;
  readonly kind: HistoryKind;
  readonly status: string;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** Entries kept of each entity and kind. */
const KEEP = 1000;
/** Lines in the file after which it is written anew with what is kept. */
const REWRITE_AT = 20_000;

export class StatusHistory {
  readonly #path: string;
  readonly #entries = new Map<string, HistoryEntry[]>();
  #lines = 0;

  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, "utf8").split("\n")) {
      const entry = parse(line);
      if (entry !== null) this.#keep(entry);
    }
    this.#rewrite();
  }

  /** Notes what differs from the last picture. To be called with every new one. */
  see(data: StatusData): void {
    const fresh = entriesOf(data).filter((entry) => !isSame(this.#entries.get(key(entry))?.at(-1), entry));
    if (fresh.length === 0) return;
    for (const entry of fresh) this.#keep(entry);
    appendFileSync(this.#path, fresh.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    if ((this.#lines += fresh.length) > REWRITE_AT) this.#rewrite();
  }

  /** The newest `last` entries of an entity, oldest first. */
  of(entity: string, kinds: readonly HistoryKind[], last: number): HistoryEntry[] {
    return kinds
      .flatMap((kind) => this.#entries.get(key({ entity, kind })) ?? [])
      .toSorted((a, b) => a.since - b.since)
      .slice(-last);
  }

  #keep(entry: HistoryEntry): void {
    const list = this.#entries.get(key(entry)) ?? [];
    list.push(entry);
    if (list.length > KEEP) list.shift();
    this.#entries.set(key(entry), list);
  }

  #rewrite(): void {
    const all = [...this.#entries.values()].flat();
    writeFileSync(`${this.#path}.new`, all.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    renameSync(`${this.#path}.new`, this.#path);
    this.#lines = all.length;
  }
}

const key = ({ entity, kind }: Pick<HistoryEntry, "entity" | "kind">): string => `${kind} ${entity}`;

function isSame(last: HistoryEntry | undefined, entry: HistoryEntry): boolean {
  return last?.status === entry.status && last.message === entry.message;
}

function entriesOf(data: StatusData): HistoryEntry[] {
  const of = (entity: string, kind: HistoryKind, { current, message, since }: StatusValue): HistoryEntry => ({
    entity,
    kind,
    status: current,
    message,
    since,
  });
  const machines = Object.entries(data.machines).flatMap(([id, machine]) => [
    of(id, "juju-machine", machine.agent),
    of(id, "machine", machine.instance),
  ]);
  const applications = Object.entries(data.applications).flatMap(([name, application]) => [
    of(name, "application", application.status),
    ...Object.entries(application.units).flatMap(([unit, { workload, agent }]) => [
      of(unit, "workload", workload),
      of(unit, "juju-unit", agent),
    ]),
  ]);
  return [...machines, ...applications];
}

/** A line cut off by a crash is no entry. */
function parse(line: string): HistoryEntry | null {
  try {
    return JSON.parse(line) as HistoryEntry;
  } catch {
    return null;
  }
}
