/** Colours of pages and pictures, for light and dark screens, and how a timeline looks. */

import type { Phase } from "./types.ts";

export const COLOURS = `
:root { color-scheme: light dark; --ink: #1d2329; --soft: #66707a; --line: #d9dee3; --paper: #ffffff; --panel: #f5f7f9;
  --starting: #c3cbd3; --downloading: #2f6fde; --waiting: #e3a72f; --working: #7aa7e8; --blocked: #cf4436;
  --active: #2f9e5f; --good: #1c7541; --bad: #b5301f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaee; --soft: #9aa5b0; --line: #343c44; --paper: #14181c;
  --panel: #1d2329; --starting: #4b555f; --good: #57c785; --bad: #ff8271; } }`;

/** Legend and order of the phases; each has a colour of its name. */
export const PHASES: readonly (readonly [Phase, string])[] = [
  ["starting", "starting"],
  ["downloading", "downloading"],
  ["waiting", "waiting for someone"],
  ["working", "at work"],
  ["blocked", "blocked"],
  ["active", "active"],
];

export const TIMELINE_STYLE = `
svg { font: 12px system-ui, sans-serif; } svg text { fill: var(--soft); } svg text.unit { fill: var(--ink); }
svg .tick { stroke: var(--line); } svg .milestone line { stroke: var(--soft); stroke-dasharray: 2 3; }
svg .milestone text { fill: var(--ink); font-size: 10px; }
${PHASES.map(([phase]) => `svg .${phase} { fill: var(--${phase}); }`).join("\n")}`;
