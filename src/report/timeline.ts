import { clock, duration } from "./format.ts";
import { COLOURS, PHASES, TIMELINE_STYLE } from "./style.ts";
import type { Report, Span } from "./types.ts";

const WIDTH = 960;
const LABEL = 190;
const ROW = 30;
const TOP = 34;
/** Room for one word of the legend. */
const LEGEND = WIDTH / PHASES.length;

export const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);

/** Who downloaded, who waited, who became active when: one row a unit, time from left to right, as SVG for a page. */
export function timelineSvg(report: Report): string {
  return `<svg viewBox="0 0 ${WIDTH} ${bottomOf(report) + 26}" role="img" aria-label="Timeline of the deployment">
${chart(report)}
</svg>`;
}

/** The same as a picture of its own, with its colours and their meaning, and without numbered milestones. */
export function timelinePicture(report: Report): string {
  const height = bottomOf(report) + 60;
  const legend = PHASES.map(([phase, text], i) => {
    const x = i * LEGEND;
    return `<rect class="${phase}" x="${x}" y="${height - 22}" width="12" height="12" rx="2"/><text x="${x + 18}" y="${height - 12}">${text}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 0 ${WIDTH + 24} ${height}" role="img" aria-label="Timeline of the deployment">
<style>${COLOURS}${TIMELINE_STYLE} .paper { fill: var(--paper); }</style>
<rect class="paper" x="-12" width="${WIDTH + 24}" height="${height}" rx="6"/>
${chart({ ...report, milestones: [] })}
${legend.join("\n")}
</svg>
`;
}

const bottomOf = ({ lanes }: Report): number => TOP + lanes.length * ROW;

function chart(report: Report): string {
  const { lanes, milestones, started, ended } = report;
  const bottom = bottomOf(report);
  const x = (at: number): number => LABEL + ((at - started) / Math.max(1, ended - started)) * (WIDTH - LABEL - 14);
  const rule = (at: number, top: number): string =>
    `<line x1="${n(x(at))}" x2="${n(x(at))}" y1="${top}" y2="${bottom}"/>`;
  const label = (at: number, y: number, text: string): string =>
    `<text x="${n(x(at))}" y="${y}" text-anchor="middle">${text}</text>`;
  const time = ticks(started, ended).map(
    (at) => `<g class="tick">${rule(at, TOP - 6)}</g>${label(at, bottom + 18, axis(at - started))}`,
  );
  const rows = lanes.map(({ unit, spans }, i) => {
    const y = TOP + i * ROW;
    const bars = spans.map((span) => bar(span, y + 4, x)).join("\n");
    return `<text class="unit" x="0" y="${y + 19}">${escape(unit)}</text>\n${bars}`;
  });
  const marks = milestones.map(
    ({ at, text }, i) =>
      `<g class="milestone"><title>${escape(`${clock(at)} ${text}`)}</title>${rule(at, TOP - 12)}${label(at, i % 2 === 0 ? 10 : 20, String(i + 1))}</g>`,
  );
  return [...time, ...rows, ...marks].join("\n");
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
