import { clock, day, duration } from "./format.ts";
import { verdict, type Report } from "./types.ts";

const mark = (result: boolean | null, unknown: string, failed = "DOES NOT HOLD"): string =>
  result === null ? unknown : result ? "holds" : failed;
const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const rows = (lines: readonly (readonly string[])[]): string =>
  lines.map((line) => `| ${line.map(cell).join(" | ")} |\n`).join("");

/** The report as Markdown, section by section as deployment reports of this product have always been. */
export function markdown(report: Report): string {
  const { title, started, ended, configuration, milestones, checks, figures, status, storage, limitations } = report;
  return `# ${title}

**Date**: ${day(started)}, ${clock(started)} to ${clock(ended)} UTC (${duration(ended - started)})
**Result**: ${verdict(report)}

## Test configuration

${configuration.map(([name, value]) => `- **${name}**: ${value}\n`).join("")}
## Deployment timeline

${milestones.map(({ at, text }, i) => `${i + 1}. ${clock(at)} (+${duration(at - started)}) - ${text}\n`).join("")}
## Final status

\`\`\`
${status.trimEnd()}
\`\`\`

## Shared storage verification

\`\`\`
${storage.map(({ name, detail }) => `${name.padEnd(26)}${detail}\n`).join("")}\`\`\`

## Success criteria

${checks.map((check) => `- [${check.holds === true ? "x" : " "}] **${check.name}** (${mark(check.holds, "not checked")}): ${check.evidence}\n`).join("")}
## Measured

| Figure | Value | Aim | |
| --- | --- | --- | --- |
${rows(figures.map((figure) => [figure.name, figure.value, figure.limit, figure.limit === "" ? "" : mark(figure.holds, "not seen", "misses its aim")]))}
## Limitations

${limitations.map((line) => `- ${line}\n`).join("") || "None known.\n"}`;
}
