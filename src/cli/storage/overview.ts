/** What `storage status` tells: units and their mounts, and each store behind them. Plain data, for people and for programs. */

import { described, isSeen, viewOf } from "./ask.ts";
import type { HostStore } from "./host-store.ts";
import type { Answer } from "./juju-client.ts";
import { access, type Attached } from "./plan.ts";

export interface UnitRow {
  readonly unit: string;
  readonly application: string;
  /** Name of its container, or of its machine in a local model; "" if it has none. */
  readonly container: string;
  /** `Running`, `Stopped`, `Frozen`, or `none`. */
  readonly state: string;
  /** As it calls itself on the store. */
  readonly member: string;
  readonly attached: Pick<Attached, "device" | "source" | "readOnly"> | null;
  readonly answer: Answer;
  /** What `juju status` shows of it. */
  readonly message: string;
}

export interface StoreRow extends Omit<HostStore, "lock"> {
  readonly lock: readonly LockRow[];
}

export interface LockRow {
  /** The unit, if it is one of those looked at. */
  readonly unit: string | null;
  readonly pid: number;
  readonly frozen: boolean;
}

export interface Overview {
  readonly units: readonly UnitRow[];
  readonly stores: readonly StoreRow[];
}

export function overviewOf(units: readonly UnitRow[], stores: readonly HostStore[]): Overview {
  return { units, stores: stores.map((store) => ({ ...store, lock: holdersOf(store, units) })) };
}

/** A lock is held by an open file, which a process shares with the children it had meanwhile: one of them stands for all. */
function holdersOf(store: HostStore, units: readonly UnitRow[]): LockRow[] {
  const rows = store.lock.map((held) => named(held, units, store));
  return [...Map.groupBy(rows, ({ unit }) => unit).values()].flatMap(([row]) => row ?? []);
}

/** Directories of this host that units mount. */
export function directoriesOf(units: readonly UnitRow[]): string[] {
  const sources = units.map(({ attached }) => attached?.source ?? "").filter((source) => source.startsWith("/"));
  return [...new Set(sources)].toSorted();
}

/** By the container its process is in, else by what the store says of who downloads. */
function named(
  { pid, cgroups, frozen }: HostStore["lock"][number],
  units: readonly UnitRow[],
  store: HostStore,
): LockRow {
  const inside = units.find(({ container }) => container !== "" && isWithin(cgroups, container));
  const told = units.find(({ member }) => member === store.download?.member);
  const unit = inside ?? told;
  return { unit: unit?.unit ?? null, pid, frozen: frozen || inside?.state === "Frozen" };
}

/** LXD and Incus name a container's cgroup after it: `lxc.payload.<name>`, with `<project>_` before the name. */
function isWithin(cgroups: string, container: string): boolean {
  return cgroups.split(/[/\n]/).some((part) => new RegExp(`^lxc\\.payload\\.(?:.*_)?${container}$`).test(part));
}

export function rendered({ units, stores }: Overview): string {
  const applications = [...Map.groupBy(units, ({ application }) => application)];
  const blocks = [
    ...applications.map(([name, rows]) => unitTable(name, rows)),
    ...stores.map((store) => storeLines(store, units).join("\n")),
  ];
  return `${blocks.join("\n\n") || "no units"}\n`;
}

function unitTable(application: string, rows: readonly UnitRow[]): string {
  const header = ["Unit", "Container", "State", "Device", "Access", "Directory", "Sees"];
  const lines = rows.map(({ unit, container, state, attached, answer }) => [
    unit,
    container,
    state,
    attached?.device ?? "",
    attached === null ? "" : access(attached),
    attached?.source ?? (container === "" && isSeen(answer) ? "not of this host" : "not attached"),
    described(answer),
  ]);
  return `${columns([header, ...lines])}\n${application}: ${agreement(rows)}`;
}

/** Whether the units that answered mean the same store. */
function agreement(rows: readonly UnitRow[]): string {
  const ids = rows.flatMap(({ answer }) => ("silence" in answer ? [] : [viewOf(answer).id ?? "none"]));
  const stores = [...new Set(ids)];
  if (stores.length > 1) return `units see different stores: ${stores.join(", ")}`;
  const [store] = stores;
  if (store === undefined) return "no unit answered";
  const who = ids.length === rows.length ? "every unit sees" : `${ids.length} of ${rows.length} units see`;
  return store === "none" ? `${who} no store` : `${who} store ${store}`;
}

/** As `juju status` does it: two blanks between columns, none at the end. */
function columns(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd((widths[i] ?? 0) + 2))
        .join("")
        .trimEnd(),
    )
    .join("\n");
}

function storeLines(store: StoreRow, units: readonly UnitRow[]): string[] {
  const unitOf = (member: string): string => units.find((row) => row.member === member)?.unit ?? member;
  return [
    `Store ${store.id ?? "(not set up yet)"} in ${store.directory}`,
    `  Used by    ${store.applications.join(", ") || "nobody yet"}`,
    `  Lock       ${store.lock.map(lockText).join(", ") || "free"}`,
    `  Download   ${downloadText(store, unitOf)}`,
    ...(store.releases.length === 0
      ? ["  Releases   none"]
      : store.releases.map((release, i) => releaseText(release, i, unitOf))),
    ...(store.unfinished === 0 ? [] : [`  Unfinished ${bytes(store.unfinished)} in partial/ and staging/`]),
    `  Disk       ${bytes(store.free)} free of ${bytes(store.total)}`,
  ];
}

function lockText({ unit, pid, frozen }: LockRow): string {
  const who = unit === null ? `process ${pid}` : `${unit} (process ${pid})`;
  return frozen
    ? `held by ${who}, which is frozen: nobody else can download until it goes on or is stopped`
    : `held by ${who}`;
}

function downloadText({ download, lock }: StoreRow, unitOf: (member: string) => string): string {
  if (download === null) return "none";
  const { member, version, bytes: done, total } = download;
  const size = total === null ? bytes(done) : `${bytes(done)} of ${bytes(total)}`;
  const state = lock.length === 0 ? "left unfinished, goes on with the next one who takes the lock" : "under way";
  return `${version} by ${unitOf(member)}: ${size}, ${state}`;
}

function releaseText(release: StoreRow["releases"][number], i: number, unitOf: (member: string) => string): string {
  const { name, bytes: size, leasedBy } = release;
  const users = leasedBy.length === 0 ? "leased by nobody" : `leased by ${leasedBy.map(unitOf).join(", ")}`;
  return `${i === 0 ? "  Releases   " : "             "}${name} (${bytes(size)}), ${users}`;
}

function bytes(count: number): string {
  return count < 1e9 ? `${(count / 1e6).toFixed(0)} MB` : `${(count / 1e9).toFixed(1)} GB`;
}
