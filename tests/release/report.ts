/** Outcomes as they are kept and shown: one JSON file for all runs, and the page of the reference made from it. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Row } from "./row.ts";
import type { Outcome } from "./run.ts";

/** Outcomes of the runs that the reference shows. */
export const OUTCOMES = join(import.meta.dirname, "outcomes.json");

/** One run of the table. */
export interface Run {
  /** Of the release. */
  readonly version: string;
  /** The version it was taken to, or null. */
  readonly to: string | null;
  readonly machines: string;
  /** Day of the run: 2026-12-01. */
  readonly date: string;
  /** Release of the kernel. */
  readonly kernel: string;
  readonly outcomes: readonly Outcome[];
}

/** Puts its outcomes in the place of those of earlier runs of the same kind: same version, same machines. */
export function keep(path: string, run: Run): void {
  const kept = readRuns(path);
  const same = ({ version, machines }: Run): boolean => version === run.version && machines === run.machines;
  const ids = new Set(run.outcomes.map(({ id }) => id));
  const earlier = kept.filter(same).flatMap(({ outcomes }) => outcomes.filter(({ id }) => !ids.has(id)));
  const merged = { ...run, outcomes: [...earlier, ...run.outcomes] };
  const key = ({ version, machines }: Run): string => `${version} ${machines === "namespaces" ? 0 : machines}`;
  const runs = [...kept.filter((one) => !same(one)), merged].toSorted((x, y) => (key(x) < key(y) ? -1 : 1));
  writeFileSync(path, `${JSON.stringify(runs, null, 2)}\n`);
}

export function readRuns(path: string): readonly Run[] {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Run[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Longest text of a cell, in characters: what `fly` has printed may be much longer. */
const LONGEST = 600;

function cell(text: string): string {
  // oxlint-disable-next-line no-control-regex -- colours of fly
  const plain = text
    .replace(/\x1b\[\d*m/g, "")
    .replace(/\s+/g, " ")
    .replaceAll("|", "\\|")
    .trim();
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST)} …` : plain;
}

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;

/** One table of all runs: a row of it for each behaviour, a column for each run, what was seen below. */
export function markdown(rows: readonly Row[], runs: readonly Run[]): string {
  const header = ["Behaviour", ...runs.map(({ version, machines }) => `${version}, ${machines}`)];
  const dates = ["*compared on*", ...runs.map(({ date }) => date)];
  const kernels = ["*Linux*", ...runs.map(({ kernel }) => kernel)];
  const body = rows.map(({ id, name }) => [name, ...runs.map((run) => mark(outcomeOf(run, id)))]);
  const table = [header, header.map(() => "---"), dates, kernels, ...body]
    .map((cells) => line(cells.map(cell)))
    .join("");
  return `${table}\n## What was seen\n\n${line(["Behaviour", "Seen"])}${line(["---", "---"])}${rows.map((row) => seen(row, runs)).join("")}`;
}

const outcomeOf = (run: Run, id: string): Outcome | undefined => run.outcomes.find((outcome) => outcome.id === id);

function mark(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "–";
  return `${outcome.holds ? "holds" : "**does not hold**"}, ${Math.round(outcome.seconds)} s`;
}

/** Runs that saw the same stand together. */
function seen({ id, name }: Row, runs: readonly Run[]): string {
  const groups = new Map<string, string[]>();
  for (const run of runs) {
    const outcome = outcomeOf(run, id);
    if (outcome === undefined) continue;
    const key = outcome.holds ? outcome.seen : `**does not hold:** ${outcome.seen}`;
    groups.set(key, [...(groups.get(key) ?? []), `${run.version} ${run.machines}`]);
  }
  const all = groups.size === 1;
  const texts = [...groups].map(([text, where]) => (all ? text : `${where.join(", ")}: ${text}`));
  return line([cell(name), texts.map(cell).join("<br>") || "–"]);
}
