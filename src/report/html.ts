import { clock, day, duration } from "./format.ts";
import { COLOURS, PHASES, TIMELINE_STYLE } from "./style.ts";
import { escape, timelineSvg } from "./timeline.ts";
import { holds, verdict, type Report } from "./types.ts";

const STYLE = `${COLOURS}${TIMELINE_STYLE}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1040px; padding: 32px 24px 64px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 36px 0 10px; }
.lead { color: var(--soft); margin: 0 0 16px; }
.result { display: inline-block; padding: 3px 12px; border-radius: 12px; color: #fff; background: #1c7541; font-weight: 600; }
.result.bad { background: #b5301f; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; } td { overflow-wrap: anywhere; } td.result-cell, td.limit { white-space: nowrap; overflow-wrap: normal; } td.result-cell { font-weight: 600; }
.yes { color: var(--good); } .no { color: var(--bad); } .open { color: var(--soft); }
pre { background: var(--panel); padding: 14px; border-radius: 6px; overflow-x: auto; font-size: 12.5px; line-height: 1.45; }
figure { margin: 0; overflow-x: auto; } svg { width: 100%; min-width: 720px; height: auto; }
${PHASES.map(([phase]) => `.key.${phase} { background: var(--${phase}); }`).join("\n")}
.legend span { margin-right: 18px; color: var(--soft); } .key { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; }
.legend span { white-space: nowrap; display: inline-block; } ol, ul { padding-left: 30px; }
@media (max-width: 640px) { body { padding: 20px 16px 40px; }
  .results tr { display: grid; grid-template-columns: 1fr auto; border-bottom: 1px solid var(--line); padding: 6px 0; }
  .results td { border: 0; padding: 1px 8px 1px 0; } .results tr:first-child { display: none; }
  .results td:first-child { font-weight: 500; } .results .wide { grid-column: 1 / -1; } }`;

const resultOf = (result: boolean | null, unknown: string, failed = "does not hold"): string =>
  result === null
    ? `<span class="open">${unknown}</span>`
    : result
      ? '<span class="yes">holds</span>'
      : `<span class="${failed === "does not hold" ? "no" : "open"}">${failed}</span>`;

const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

/** The report as one page that needs nothing else: no script, no font, no picture from elsewhere. */
export function html(report: Report): string {
  const { title, started, ended, configuration, milestones, checks, figures, status, storage, limitations } = report;
  const good = holds(report);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${STYLE}</style>
<h1>${escape(title)}</h1>
<p class="lead">${day(started)}, ${clock(started)} to ${clock(ended)} UTC, ${duration(ended - started)}</p>
<p><span class="result${good ? "" : " bad"}">${good ? sentence(verdict(report)) : "Not every check holds"}</span></p>
<h2>Timeline</h2>
<figure>${timelineSvg(report)}</figure>
<p class="legend">${PHASES.map(([phase, text]) => `<span><i class="key ${phase}"></i>${text}</span>`).join("")}</p>
<ol>${milestones.map(({ at, text }) => `<li>${clock(at)} (+${duration(at - started)}) ${escape(text)}</li>`).join("")}</ol>
<h2>Success criteria</h2>
<table class="results"><tr><th>Check<th>Result<th>Seen</tr>
${checks.map((check) => `<tr><td>${escape(check.name)}<td class="result-cell">${resultOf(check.holds, "not checked")}<td class="wide">${escape(check.evidence)}</tr>`).join("\n")}
</table>
<h2>Measured</h2>
<table class="results"><tr><th>Figure<th>Value<th>Aim<th>Result</tr>
${figures.map((figure) => `<tr><td class="wide">${escape(figure.name)}<td class="wide">${escape(figure.value)}<td class="limit">${escape(figure.limit)}<td class="result-cell">${figure.limit === "" ? "" : resultOf(figure.holds, "not seen", "misses its aim")}</tr>`).join("\n")}
</table>
<h2>Final status</h2>
<pre>${escape(status.trimEnd())}</pre>
<h2>Shared storage</h2>
<pre>${storage.map(({ name, detail }) => escape(`${name.padEnd(26)}${detail}`)).join("\n")}</pre>
<h2>Configuration</h2>
<table>${configuration.map(([name, value]) => `<tr><th>${escape(name)}<td>${escape(value)}</tr>`).join("\n")}</table>
<h2>Limitations</h2>
${limitations.length > 0 ? `<ul>${limitations.map((line) => `<li>${escape(line)}</li>`).join("")}</ul>` : "<p>None known.</p>"}
</html>
`;
}
