/** What the two forms of a report say, and in which order. */

import { expect, test } from "vitest";
import { reportOf } from "../../src/report/compose.ts";
import { html } from "../../src/report/html.ts";
import { markdown } from "../../src/report/markdown.ts";
import { summary } from "../../src/report/summary.ts";
import type { Report } from "../../src/report/types.ts";
import { goodEvidence, START, WAITER, WEB } from "../fixtures/report/evidence.ts";

const report = reportOf(goodEvidence());
const lane = (unit: string) => report.lanes.find((one) => one.unit === unit)?.spans ?? [];

test("a lane a unit, its spans without gap or overlap, until the end", () => {
  expect(report.lanes.map(({ unit }) => unit)).toEqual(Object.keys(goodEvidence().workloads));
  for (const { spans } of report.lanes) {
    for (const [i, span] of spans.entries()) {
      expect(span.to).toBeGreaterThan(span.from);
      expect(span.to).toBe(spans[i + 1]?.from ?? report.ended);
    }
  }
  expect(lane(WAITER).map(({ phase }) => phase)).toEqual(["starting", "waiting", "waiting", "working", "active"]);
});

test("what the mirror sent lies over what hooks showed meanwhile", () => {
  const blue = lane(WEB).filter(({ phase }) => phase === "downloading");
  const seconds = blue.map(({ from, to }) => [(from - START) / 1000, (to - START) / 1000]);
  expect(seconds).toEqual([
    [9, 17],
    [17, 24],
    [24, 25.5],
  ]);
  expect(lane(WAITER).some(({ phase }) => phase === "downloading")).toBe(false);
});

test("milestones tell who did what when, in order", () => {
  const told = report.milestones.map(({ at, text }) => `${(at - START) / 1000} ${text}`);
  expect(told).toEqual([
    "2 2 units asked for",
    "3 postgresql/0 active",
    `10 ${WEB} downloads`,
    `10 ${WAITER} waits for the download`,
    "25 Release published",
    "26 PostgreSQL integrated",
    `35 ${WEB} active as web server`,
    `36 ${WAITER} active`,
    "50 concourse-ci-machine/2 asked for",
    "56 concourse-ci-machine/2 active",
    "60 concourse-ci-machine/3 asked for",
    "66 concourse-ci-machine/3 active",
  ]);
});

test("the shared directory: what people look for comes first, with sizes", () => {
  expect(report.storage.map(({ name, detail }) => `${name} ${detail}`)).toEqual([
    ".installed_version 6 bytes (version marker)",
    ".install.lock 0 bytes (lock file)",
    ".lxc_shared_storage 0 bytes (LXC marker)",
    "bin -> releases/7.14.3-linux-amd64-1a2b3c4d5e6f/bin (binaries)",
    "keys/ 1200 bytes (public keys)",
    "worker/ 412 bytes (leases of the units)",
    "config.env 499 bytes (public facts of the cluster)",
    "releases/ 437 MB (published releases)",
  ]);
});

test("Markdown: the sections of a deployment report, each check ticked only if it holds", () => {
  const text = markdown(report);
  expect(text.match(/^##? .*$/gm)).toEqual([
    "# Shared storage deployment report",
    "## Test configuration",
    "## Deployment timeline",
    "## Final status",
    "## Shared storage verification",
    "## Success criteria",
    "## Measured",
    "## Limitations",
  ]);
  expect(text).toContain("**Result**: every check holds");
  expect(text.match(/^- \[x\] /gm)).toHaveLength(report.checks.length);
  const [first, ...others] = report.checks;
  const doubtful: Report = { ...report, checks: [{ ...first!, holds: null }, ...others] };
  expect(markdown(doubtful)).toContain(`- [ ] **${first?.name}** (not checked)`);
  expect(markdown(doubtful)).toContain("**Result**: every check holds but 1 that could not be made");
});

test("the page escapes what units say", () => {
  const evil = `<script>alert("x")</script>`;
  const [lane, ...lanes] = report.lanes;
  const spans = lane?.spans.map((span) => ({ ...span, text: evil })) ?? [];
  const page = html({ ...report, title: evil, status: evil, lanes: [{ unit: evil, spans }, ...lanes] });
  expect(page).not.toContain("<script");
  expect(page).toContain("&lt;script&gt;");
});

test("the summary for a terminal: a line for each check and figure", () => {
  const lines = summary(report).trimEnd().split("\n");
  expect(lines).toHaveLength(report.checks.length + report.figures.length);
  expect(lines.filter((line) => line.startsWith("FAILS") || line.startsWith("not "))).toEqual([]);
  const broken = { ...report, checks: report.checks.map((check) => ({ ...check, holds: false })) };
  expect(summary(broken).match(/^FAILS/gm)).toHaveLength(report.checks.length);
});
