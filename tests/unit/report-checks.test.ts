/** Each check looks at what was seen: with one fact wrong, exactly the check that is about it fails. */

import { expect, test } from "vitest";
import { checksOf } from "../../src/report/checks.ts";
import { reportOf } from "../../src/report/compose.ts";
import type { Evidence } from "../../src/report/evidence.ts";
import { figuresOf } from "../../src/report/figures.ts";
import { beside, holds, verdict } from "../../src/report/types.ts";
import { ADDED, goodEvidence, request, START, WAITER, WEB } from "../fixtures/report/evidence.ts";

/** Evidence that may be spoilt. */
type Spoilt = { -readonly [K in keyof Evidence]: any };

function spoil(change: (evidence: Spoilt) => void): Evidence {
  const evidence = structuredClone(goodEvidence()) as Spoilt;
  change(evidence);
  return evidence;
}

const failing = (evidence: Evidence): string[] =>
  checksOf(evidence)
    .filter((check) => check.holds !== true)
    .map(({ name }) => name);

const units = (evidence: Spoilt) => evidence.status.applications["concourse-ci-machine"].units;
const archive = "/concourse-7.14.3-linux-amd64.tgz";

test("all hold for what a good run sees", () => {
  expect(failing(goodEvidence())).toEqual([]);
  expect(holds(reportOf(goodEvidence()))).toBe(true);
});

test.each<[check: string, wrong: string, change: (evidence: Spoilt) => void]>([
  ["Every Step", "a step got stuck", (e) => (e.problems = ["scaling: still waiting"])],
  ["Single Download", "another unit downloaded too", (e) => e.served.requests.push(request(24, 24.9, archive, 171e6))],
  ["Single Download", "two answers at once", (e) => (e.served.requests[2] = request(16.9, 24, archive, 91e6))],
  ["Single Download", "nothing was downloaded", (e) => (e.served.requests = [])],
  ["Lock Coordination", "two units held the lock at once", (e) => e.lockSightings[1].holders.push(WAITER)],
  ["Lock Coordination", "one after the other", (e) => e.lockSightings.push({ at: 0, holders: [WAITER], releases: [] })],
  ["Lock Coordination", "nobody held it", (e) => (e.lockSightings[1].holders = [])],
  ["Lock Coordination", "held by one that did not download", (e) => (e.lockSightings[1].holders = [WAITER])],
  ["Lock Coordination", "still held", (e) => (e.looks[WEB].lockHeld = true)],
  ["Lock Coordination", "another lock file", (e) => (e.looks[WAITER].lock = "1")],
  ["Worker Waiting", "the other unit never said so", (e) => e.workloads[WAITER].splice(1, 1)],
  ["Worker Waiting", "it said so while active", (e) => (e.workloads[WAITER][1].status = "active")],
  ["Version Marker", "a newline", (e) => (e.looks[WAITER].versionMarker = "7.14.3\n")],
  ["Version Marker", "another version", (e) => (e.looks[ADDED[0] ?? ""].versionMarker = "7.14.2")],
  ["Version Marker", "none", (e) => (e.looks[WEB].versionMarker = "")],
  ["Shared Access", "another store", (e) => (e.looks[WAITER].store = "other")],
  ["Shared Access", "another file system", (e) => (e.looks[ADDED[1] ?? ""].fileSystem = "65025:2 0")],
  ["Shared Access", "no mount", (e) => (e.looks[WAITER].mounted = false)],
  ["Identical Content", "another file", (e) => (e.looks[WAITER].executable = "1 127875960")],
  ["LXC Mode", "no marker", (e) => (e.looks[WAITER].lxcMarker = "")],
  ["LXC Mode", "a marker that is a directory", (e) => (e.looks[WEB].lxcMarker = "directory, 4096 bytes")],
  ["LXC Mode", "a unit that does not see it", (e) => (e.storage[WAITER].mounted = "false")],
  ["LXC Mode", "another option", (e) => (e.sharedStorage = "none")],
  ["Storage Path", "a worker runs from a copy", (e) => (e.looks[WAITER].running.worker = "/opt/copy/bin/concourse")],
  ["Storage Path", "nothing runs", (e) => (e.looks[WEB].running = {})],
  ["Storage Path", "the link leads elsewhere", (e) => (e.looks[WEB].current = "/opt/copy")],
  ["Scaling Test", "a unit was not added", (e) => e.moments.added.pop()],
  [
    "PostgreSQL Integration",
    "another channel",
    (e) => (e.status.applications.postgresql["charm-channel"] = "14/stable"),
  ],
  ["PostgreSQL Integration", "not related", (e) => (e.status.applications["concourse-ci-machine"].relations = {})],
  [
    "PostgreSQL Integration",
    "not active",
    (e) => (e.status.applications.postgresql.units["postgresql/0"]["workload-status"].current = "blocked"),
  ],
  [
    "Full Stack",
    "another text",
    (e) => (units(e)[ADDED[0] ?? ""]["workload-status"].message = "Worker ready (v7.14.2)"),
  ],
  ["Full Stack", "not active", (e) => (units(e)[WEB]["workload-status"].current = "maintenance")],
  ["Registered Workers", "one is missing", (e) => e.web.workers.pop()],
  ["Registered Workers", "one has stalled", (e) => (e.web.workers[0].state = "stalled")],
  ["Registered Workers", "one twice", (e) => (e.web.workers[0] = e.web.workers[1])],
  ["Registered Workers", "no login", (e) => (e.web.problem = "/sky/issuer/token answered 401")],
  ["Host Directory", "no keys", (e) => (e.host = e.host.filter(({ name }: { name: string }) => name !== "keys"))],
  ["Host Directory", "bin is a file", (e) => (e.host[3].kind = "file")],
  ["Release Bytes", "a second release", (e) => (e.looks[WAITER].releases.other = START)],
  ["Release Bytes", "the archive is still there", (e) => (e.looks[WAITER].releaseBytes += 171e6)],
  ["Release Bytes", "a copy in a unit", (e) => (e.looks[WEB].copiedBytes = 127e6)],
])("%s fails: %s", (check, _, change) => expect(failing(spoil(change))).toEqual([check]));

test("a unit that fetched once more fails both checks about bytes", () => {
  const evidence = spoil((e) => e.served.requests.push(request(52, 60, archive, 171e6, "10.0.0.12")));
  expect(failing(evidence)).toEqual(["Single Download", "Scaling Test"]);
});

test("from a source that does not count, what cannot be checked is said and fails nothing", () => {
  const evidence = spoil((e) => (e.served = e.host = null));
  const unchecked = checksOf(evidence).filter((check) => check.holds === null);
  expect(unchecked.map(({ name }) => name)).toEqual(["Single Download", "Scaling Test", "Host Directory"]);
  expect(holds(reportOf(evidence))).toBe(true);
  expect(verdict(reportOf(evidence))).toBe("every check holds but 3 that could not be made");
});

test("what its speed left nothing to see of is not checked there, and fails where our mirror sends slowly", () => {
  const fast = (e: { lockSightings: unknown[]; workloads: Record<string, { message: string }[]> }): void => {
    e.lockSightings = [];
    for (const unit of Object.keys(e.workloads))
      e.workloads[unit] = e.workloads[unit]!.filter(({ message }) => !message.includes("to download"));
  };
  const names = ["Lock Coordination", "Worker Waiting"];
  expect(failing(spoil(fast))).toEqual(names);
  const elsewhere = checksOf(spoil((e) => (fast(e), (e.served = null)))).filter(({ name }) => names.includes(name));
  expect(elsewhere.map((check) => check.holds)).toEqual([null, null]);
});

test("a failure elsewhere is one whatever could not be checked", () => {
  const evidence = spoil((e) => ((e.served = null), (e.web.problem = "no answer")));
  expect(holds(reportOf(evidence))).toBe(false);
  expect(verdict(reportOf(evidence))).toBe("NOT every check holds");
});

test("a run that saw nothing holds nowhere, and still makes a report", () => {
  const nothing = {
    status: null,
    table: "",
    workloads: {},
    agents: {},
    machines: {},
    looks: {},
    lockSightings: [],
    storage: {},
  };
  const moments = { deployed: START, published: null, integrated: null, added: [] };
  const web = { url: "", version: null, workers: [], problem: "no answer" };
  const blind = { sharedStorage: "", served: null, host: null, web, moments, problems: ["status: refused"] };
  const report = reportOf({ ...goodEvidence(), ...nothing, ...blind });
  expect(report.checks.filter((check) => check.holds === true)).toEqual([]);
  expect(report.figures.filter((figure) => figure.holds === true)).toEqual([]);
  expect(holds(report)).toBe(false);
});

test("a figure beside its aim is told, and fails no check", () => {
  const slow = reportOf(spoil((e) => ADDED.forEach((unit) => (e.workloads[unit][3].at += 2000))));
  expect([holds(slow), beside(slow).map(({ value }) => value)]).toEqual([true, ["6.00 s"]]);
  expect(beside(reportOf(goodEvidence()))).toEqual([]);
});

test("PostgreSQL of a charm file has no channel, and its own words", () => {
  const local = spoil((e) => {
    e.databaseChannel = "";
    delete e.status.applications.postgresql["charm-channel"];
    e.status.applications.postgresql.units["postgresql/0"]["workload-status"].message = "ready";
  });
  expect(failing(local)).toEqual([]);
  expect(failing(spoil((e) => (e.databaseChannel = "")))).toEqual(["PostgreSQL Integration"]);
});

const limits = (evidence: Evidence) =>
  Object.fromEntries(
    figuresOf(evidence)
      .filter(({ limit }) => limit !== "")
      .map(({ name, value, holds: result }) => [name.split(":")[0], [value, result]]),
  );

test("figures of a good run", () => {
  expect(limits(goodEvidence())).toEqual({
    "Added unit": ["4.00 s", true],
    "Added units": ["0", true],
    // 1 s until the waiting unit had the release, 1 s from the web's being ready to the worker's.
    "Both together": ["2.00 s", true],
  });
  const values = figuresOf(goodEvidence()).map(({ value }) => value);
  expect(values).toContain("171 MB in 15.0 s, 11 MB/s");
  expect(values).toContain("2 hooks, 1.25 s in all, median 0.25 s, longest install 1.00 s");
});

test.each<[figure: string, wrong: string, value: string, result: boolean | null, change: (evidence: Spoilt) => void]>([
  ["Added unit", "slow", "6.00 s", false, (e) => ADDED.forEach((unit) => (e.workloads[unit][3].at += 2000))],
  ["Added unit", "never active", "not seen", null, (e) => e.workloads[ADDED[0] ?? ""].pop()],
  ["Added unit", "boot not seen", "not seen", null, (e) => (e.machines = {})],
  ["Added units", "one fetched", "10", false, (e) => e.served.requests.push(request(20, 21, archive, 10, "10.0.0.12"))],
  ["Added units", "address unknown", "not seen", null, (e) => delete units(e)[ADDED[0] ?? ""]["public-address"]],
  ["Both together", "slow to take over", "4.00 s", false, (e) => (e.workloads[WAITER][2].at += 2000)],
  ["Both together", "slow to join", "3.50 s", false, (e) => (e.workloads[WAITER][4].at += 1500)],
  ["Both together", "not published", "not seen", null, (e) => (e.moments.published = null)],
])("figure %s: %s", (figure, _, value, result, change) =>
  expect(limits(spoil(change))[figure]).toEqual([value, result]),
);
