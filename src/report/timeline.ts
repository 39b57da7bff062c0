import { clock, duration } from "./format.ts";
import type { Phase, Report, Span } from "./types.ts";

/** Legend and order of the phases; colours are in the page's style sheet, by class. */
export const PHASES: readonly (readonly [Phase, string])[] = [
  ["starting", "starting"],
  ["downloading", "downloading"],
  ["waiting", "waiting for someone"],
  ["working", "at work"],
  ["blocked", "blocked"],
  ["active", "active"],
];

const WIDTH = 960;
const LABEL = 190;
const ROW = 30;
const TOP = 34;

export const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);

/** Who downloaded, who waited, who became active when: one row a unit, time from left to right, as SVG. */
export function timelineSvg({ lanes, milestones, started, ended }: Report): string {
  const height = TOP + lanes.length * ROW + 26;
  const x = (at: number): number => LABEL + ((at - started) / Math.max(1, ended - started)) * (WIDTH - LABEL - 14);
  const bottom = TOP + lanes.length * ROW;
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Timeline of the deployment">
${ticks(started, ended)
  .map(
    (at) =>
      `<line class="tick" x1="${n(x(at))}" x2="${n(x(at))}" y1="${TOP - 6}" y2="${bottom}"/><text class="axis" x="${n(x(at))}" y="${bottom + 18}" text-anchor="middle">${axis(at - started)}</text>`,
  )
  .join("\n")}
${lanes.map((lane, i) => `<text class="unit" x="0" y="${TOP + i * ROW + 19}">${escape(lane.unit)}</text>\n${lane.spans.map((span) => bar(span, TOP + i * ROW + 4, x)).join("\n")}`).join("\n")}
${milestones.map(({ at, text }, i) => `<g class="milestone"><title>${escape(`${clock(at)} ${text}`)}</title><line x1="${n(x(at))}" x2="${n(x(at))}" y1="${TOP - 12}" y2="${bottom}"/><text x="${n(x(at))}" y="${i % 2 === 0 ? 10 : 20}" text-anchor="middle">${i + 1}</text></g>`).join("\n")}
</svg>`;
}

function bar({ from, to, phase, text }: Span, y: number, x: (at: number) => number): string {
  const width = Math.max(1.5, x(to) - x(from));
  return `<rect class="${phase}" x="${n(x(from))}" y="${y}" width="${n(width)}" height="${ROW - 8}" rx="2"><title>${escape(`${clock(from)}, ${duration(to - from)}: ${text}`)}</title></rect>`;
}

/** Round moments need no fractions: `40 s`, `1:20 min`. */
function axis(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 100) return `${seconds} s`;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} min`;
}

const n = (value: number): string => value.toFixed(1);

/** Between four and nine round moments. */
function ticks(from: number, to: number): number[] {
  const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200].map((seconds) => seconds * 1000);
  const step = steps.find((size) => (to - from) / size <= 9) ?? 3_600_000;
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
}
