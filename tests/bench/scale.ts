/**
 * Where the time goes when a unit is added to a deployment that has its release, from the machine's boot to the unit's
 * being active; and from the publication of a release to the last waiting worker's being active.
 *
 *     node tests/bench/scale.ts [--units 3] [--added 5] [--machines incus] [--json]
 */
import { readdir, stat } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { StatusData } from "../../src/model/state/types.ts";
import type { HistoryEntry } from "../../src/model/supervisor/status-history.ts";
import { APPLICATION, deployConcourse, WEB, WORKER, type Concourse } from "../e2e/concourse.ts";
import { Tool, unitsOf } from "../e2e/tool.ts";

const PATIENCE = 600_000;

/** Something that happened, in milliseconds since the beginning of what is measured. */
interface Moment {
  readonly at: number;
  readonly what: string;
}

export interface Added {
  readonly unit: string;
  readonly load: number;
  /** From `is-system-running` to active. */
  readonly milliseconds: number;
  readonly bytes: number;
  readonly moments: readonly Moment[];
}

export interface FirstUnits {
  readonly load: number;
  /** From the publishing rename to the last worker's being active, without the web's own start. */
  readonly milliseconds: number;
  /** From the start of the web's process to its being seen ready. */
  readonly webStart: number;
  readonly moments: readonly Moment[];
}

/** What the units of a deployment that has just come up went through since the publication. */
export async function measureFirstUnits(concourse: Concourse): Promise<FirstUnits> {
  const releases = join(concourse.sharedDirectory, "releases");
  const [release = ""] = await readdir(releases);
  const published = (await stat(join(releases, release))).ctimeMs;
  const { web, workers } = await concourse.roles();
  const units = [web, ...workers];
  const webBegan = await startOf(concourse, web, WEB);
  const all = await Promise.all(units.map((unit) => unitMoments(concourse, unit, published)));
  const webReady = await shown(concourse, web, /^Web server ready/);
  const active = await Promise.all(workers.map((unit) => shown(concourse, unit, /^Worker ready/)));
  const webStart = webReady - webBegan;
  return {
    load: loadavg()[0] ?? 0,
    milliseconds: Math.max(...active) - published - webStart,
    webStart,
    moments: inOrder([...all.flat(), { at: webBegan - published, what: `${web}: process of the web begins` }]),
  };
}

/** Adds one unit, and says where its time went. */
export async function measureAdded(concourse: Concourse): Promise<Added> {
  const { tool } = concourse;
  const known = Object.keys(unitsOf(await concourse.ask<StatusData>("status")));
  const before = await concourse.releaseBytes();
  const { web } = await concourse.roles();
  await tool.ok("add-unit", "-m", tool.model, APPLICATION);
  await concourse.ready(PATIENCE);
  const status = unitsOf(await concourse.ask<StatusData>("status"));
  const unit = Object.keys(status).find((name) => !known.includes(name)) ?? "";
  const booted = (await log(concourse, status[unit]?.machine ?? "", "juju-machine")).find(
    (entry) => entry.status === "started",
  );
  const from = booted?.since ?? Number.NaN;
  const moments = [
    ...(await unitMoments(concourse, unit, from)),
    ...(await hooksOf(concourse, web, from)),
    ...(await written(concourse, unit, "/etc/concourse/worker_key", "its key is there", from)),
    ...(await written(concourse, web, "/etc/concourse/authorized_worker_keys", "the web knows its key", from)),
    { at: (await startOf(concourse, unit, WORKER)) - from, what: `${unit}: process of the worker begins` },
    ...(await wakes(concourse, unit, from)),
    ...(await wakes(concourse, web, from)),
  ];
  return {
    unit,
    load: loadavg()[0] ?? 0,
    milliseconds: (await shown(concourse, unit, /^Worker ready/)) - from,
    bytes: (await concourse.releaseBytes()) - before,
    moments: inOrder(moments),
  };
}

const inOrder = (moments: readonly Moment[]): Moment[] =>
  moments.filter(({ at }) => at >= 0).toSorted((a, b) => a.at - b.at);

function log(concourse: Concourse, entity: string, kind: string): Promise<readonly HistoryEntry[]> {
  return concourse.ask("status-history", { entity, kind, last: 1000 });
}

async function shown(concourse: Concourse, unit: string, message: RegExp): Promise<number> {
  return (await concourse.history(unit)).find((entry) => message.test(entry.message))?.since ?? Number.NaN;
}

async function unitMoments(concourse: Concourse, unit: string, from: number): Promise<Moment[]> {
  const statuses = (await concourse.history(unit)).map(({ since, status, message }) => ({
    at: since - from,
    what: `${unit}: ${status}, ${message}`,
  }));
  return [...statuses, ...(await hooksOf(concourse, unit, from))];
}

/** What the unit's Juju agent ran, with how long it took. */
async function hooksOf(concourse: Concourse, unit: string, from: number): Promise<Moment[]> {
  const entries = await log(concourse, unit, "juju-unit");
  return entries.flatMap(({ since, status, message }, i) => {
    const next = entries[i + 1];
    if (status !== "executing" || next === undefined) return [];
    return [{ at: since - from, what: `${unit}:   ${message} (${next.since - since} ms)` }];
  });
}

async function written(
  concourse: Concourse,
  unit: string,
  path: string,
  what: string,
  from: number,
): Promise<Moment[]> {
  const seconds = Number(await concourse.inUnit(unit, `stat -c %.3Y ${path}`));
  return [{ at: seconds * 1000 - from, what: `${unit}: ${what}` }];
}

/** When the agent woke the charm, and what for. */
async function wakes(concourse: Concourse, unit: string, from: number): Promise<Moment[]> {
  const script = "journalctl --boot --no-pager --output=short-unix --unit=concourse-agent --grep='waking the charm'";
  const lines = (await concourse.inUnit(unit, script)).trim().split("\n");
  return lines.flatMap((line) => {
    const [, seconds, reasons] = /^(\d+\.\d+) .*waking the charm: (.*)$/.exec(line) ?? [];
    return reasons === undefined
      ? []
      : [{ at: Number(seconds) * 1000 - from, what: `${unit}: agent wakes for ${reasons}` }];
  });
}

/** When the service's process was started, milliseconds since 1970. */
async function startOf(concourse: Concourse, unit: string, service: string): Promise<number> {
  const began = `systemctl show --value --timestamp=us --property=ExecMainStartTimestamp ${service}`;
  return Number((await concourse.inUnit(unit, `date --date="$(${began})" +%s%3N`)).trim());
}

export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

const ms = (value: number): string => `${value.toFixed(0).padStart(6)} ms`;
const listed = (moments: readonly Moment[]): string[] => moments.map(({ at, what }) => `  ${ms(at)}  ${what}`);

function describe(first: FirstUnits, added: readonly Added[]): string {
  const times = added.map(({ milliseconds }) => milliseconds);
  return [
    `First units, since the publication (load ${first.load.toFixed(1)})`,
    ...listed(first.moments),
    "",
    ...added.flatMap(({ unit, load, moments }) => [
      `${unit}, since its boot (load ${load.toFixed(1)})`,
      ...listed(moments),
      "",
    ]),
    `Publication to last worker active, without the web's start: ${ms(first.milliseconds)}   (limit 3000 ms)`,
    `The web's own start:                                        ${ms(first.webStart)}`,
    `Added unit, boot to active:${times.map(ms).join(",")}, median ${ms(median(times))}   (limit 5000 ms)`,
    `Bytes fetched by added units: ${added.reduce((sum, { bytes }) => sum + bytes, 0)}   (limit 0)`,
    "",
  ].join("\n");
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      units: { type: "string", default: "3" },
      added: { type: "string", default: "5" },
      machines: { type: "string", default: "namespaces" },
      json: { type: "boolean", default: false },
    },
  });
  const tool = await Tool.create("bench-scale");
  try {
    const concourse = await deployConcourse(tool, { units: Number(values.units), machines: values.machines });
    await concourse.ready(PATIENCE);
    const first = await measureFirstUnits(concourse);
    const added: Added[] = [];
    for (let i = 0; i < Number(values.added); i++) added.push(await measureAdded(concourse));
    process.stdout.write(values.json ? `${JSON.stringify({ first, added })}\n` : describe(first, added));
  } finally {
    await tool.remove();
  }
}
