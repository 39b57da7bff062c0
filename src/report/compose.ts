/** The report of what one replay has seen. */

import { checksOf } from "./checks.ts";
import { archiveRequests } from "./downloads.ts";
import type { Change, Evidence } from "./evidence.ts";
import { figuresOf } from "./figures.ts";
import { megabytes } from "./format.ts";
import { APPLICATION, unitsOf } from "./names.ts";
import { activeAt, downloaders, first, isDownloading, waiters, webUnit } from "./story.ts";
import type { Lane, Milestone, Phase, Report, Span, StorageEntry } from "./types.ts";

const TITLE = "Shared storage deployment report";

/** What people look for in the shared directory; the rest comes after. */
const MEANINGS: Readonly<Record<string, string>> = {
  ".installed_version": "version marker",
  ".install.lock": "lock file",
  ".lxc_shared_storage": "LXC marker",
  bin: "binaries",
  keys: "public keys",
  worker: "leases of the units",
  "config.env": "public facts of the cluster",
  "store.json": "identity of the store",
  releases: "published releases",
  partial: "downloads under way",
  staging: "unpacking under way",
  trash: "releases on their way out",
  apps: "applications that use the store",
};

/** What Juju itself shows before the charm's first word. */
const STARTING = /^(?:waiting for machine|installing agent|agent initiali[sz]ing|installing charm software)$/;

export function reportOf(evidence: Evidence): Report {
  const { started, ended, table, limitations } = evidence;
  return {
    title: TITLE,
    started,
    ended,
    configuration: configurationOf(evidence),
    lanes: lanesOf(evidence),
    milestones: milestonesOf(evidence),
    checks: checksOf(evidence),
    figures: figuresOf(evidence),
    status: table,
    storage: storageOf(evidence),
    limitations,
  };
}

function configurationOf({ configuration, firstUnits, units, version }: Evidence): Report["configuration"] {
  const growth = Array.from({ length: Math.max(1, units - firstUnits + 1) }, (_, i) => firstUnits + i);
  return [
    ...configuration,
    ["Concourse", version],
    ["Options", "shared-storage=lxc, mode=auto"],
    ["Units", `${units} (scaled ${growth.join(" → ")})`],
    ["PostgreSQL", "16/stable"],
  ];
}

/** What each unit showed, and on top of it what it fetched from the mirror: hooks may show something else meanwhile. */
function lanesOf(evidence: Evidence): Lane[] {
  const { workloads, ended } = evidence;
  return Object.entries(workloads).map(([unit, changes]) => ({
    unit,
    spans: downloadsOf(evidence, unit).reduce(laidOver, spansOf(changes, ended)),
  }));
}

function spansOf(changes: readonly Change[], ended: number): Span[] {
  return changes.map((change, i) => ({
    from: change.at,
    to: changes[i + 1]?.at ?? ended,
    phase: phaseOf(change),
    text: change.message || change.status,
  }));
}

function downloadsOf({ served, status }: Evidence, unit: string): Span[] {
  const address = unitsOf(status, APPLICATION)[unit]?.["public-address"];
  const requests = served === null ? [] : archiveRequests(served).filter(({ remote }) => remote === address);
  return requests.map(({ start, end, bytes }) => ({
    from: start,
    to: end,
    phase: "downloading",
    text: `${megabytes(bytes)} downloaded`,
  }));
}

/** The spans with a hole cut for one more, and that one in it. */
function laidOver(spans: readonly Span[], over: Span): Span[] {
  const before = spans
    .filter(({ from }) => from < over.from)
    .map((span) => ({ ...span, to: Math.min(span.to, over.from) }));
  const after = spans.filter(({ to }) => to > over.to).map((span) => ({ ...span, from: Math.max(span.from, over.to) }));
  return [...before, over, ...after];
}

function phaseOf(change: Change): Phase {
  if (isDownloading(change)) return "downloading";
  if (STARTING.test(change.message)) return "starting";
  switch (change.status) {
    case "active":
      return "active";
    case "blocked":
    case "error":
      return "blocked";
    case "waiting":
      return "waiting";
    case "maintenance":
      return "working";
    default:
      return "starting";
  }
}

function milestonesOf(evidence: Evidence): Milestone[] {
  const { moments, firstUnits, workloads } = evidence;
  const at = (time: number | null, text: string): Milestone[] => (time === null ? [] : [{ at: time, text }]);
  return [
    ...at(moments.deployed, `${firstUnits} units asked for`),
    ...downloaders(evidence).flatMap((unit) => at(first(workloads[unit], /^Downloading/), `${unit} downloads`)),
    ...waiters(evidence).flatMap((unit) => at(first(workloads[unit], /to download/), `${unit} waits for the download`)),
    ...at(moments.published, "Release published"),
    ...at(moments.integrated, "PostgreSQL integrated"),
    ...moments.added.map(({ unit, at: time }) => ({ at: time, text: `${unit} asked for` })),
    ...Object.keys(workloads).flatMap((unit) =>
      at(activeAt(evidence, unit), `${unit} active${unit === webUnit(evidence) ? " as web server" : ""}`),
    ),
  ].toSorted((a, b) => a.at - b.at);
}

function storageOf({ host }: Evidence): StorageEntry[] {
  if (host === null) return [];
  const order = Object.keys(MEANINGS);
  const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return host
    .toSorted((a, b) => rank(a.name) - rank(b.name))
    .map(({ name, kind, bytes, target }) => ({
      name: kind === "directory" ? `${name}/` : name,
      detail: `${size(kind, bytes, target)}${MEANINGS[name] === undefined ? "" : ` (${MEANINGS[name]})`}`,
    }));
}

function size(kind: string, bytes: number, target: string | undefined): string {
  if (kind === "link") return `-> ${target}`;
  return bytes < 1e5 ? `${bytes} bytes` : megabytes(bytes);
}
