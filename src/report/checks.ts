/** The success criteria: each one looked at in what was seen, and nothing taken for granted. */

import { archiveRequests, bytesAfter, bytesOf, overlaps, sightingsWhileFetching, sum } from "./downloads.ts";
import type { Evidence, UnitLook } from "./evidence.ts";
import { clock, megabytes } from "./format.ts";
import { APPLICATION, DATABASE, DATABASE_CHANNEL, unitsOf } from "./names.ts";
import { downloaders, waiters } from "./story.ts";
import type { Check } from "./types.ts";

const STORE = "/var/lib/concourse";
/** Of the archive's or the release's size: what small files around it may take. */
const TOLERANCE = 1.02;
/** What people look for in the shared directory, and what kind of thing it is. */
const LAYOUT: readonly (readonly [name: string, kinds: readonly string[]])[] = [
  [".installed_version", ["file"]],
  [".install.lock", ["file"]],
  [".lxc_shared_storage", ["file"]],
  ["bin", ["directory", "link"]],
  ["keys", ["directory"]],
  ["worker", ["directory"]],
  ["config.env", ["file"]],
];

type Result = Pick<Check, "holds" | "evidence">;

const CHECKS: readonly (readonly [name: string, look: (evidence: Evidence) => Result])[] = [
  ["Every Step", everyStep],
  ["Single Download", singleDownload],
  ["Lock Coordination", lockCoordination],
  ["Worker Waiting", workerWaiting],
  ["Version Marker", versionMarker],
  ["Shared Access", sharedAccess],
  ["Identical Content", identicalContent],
  ["LXC Mode", lxcMode],
  ["Storage Path", storagePath],
  ["Scaling Test", scaling],
  ["PostgreSQL Integration", postgresql],
  ["Full Stack", fullStack],
  ["Registered Workers", registeredWorkers],
  ["Host Directory", hostDirectory],
  ["Release Bytes", releaseBytes],
];

export function checksOf(evidence: Evidence): Check[] {
  return CHECKS.map(([name, look]) => ({ name, ...look(evidence) }));
}

const seen = (holds: boolean, evidence: string): Result => ({ holds, evidence });
const unchecked = (why: string): Result => ({ holds: null, evidence: why });
/** Only a mirror of ours counts what it sends, and sends slowly enough for everybody to be seen at it. */
const UNCOUNTED = "the release does not come from a mirror of ours: its bytes were not counted";

function everyStep({ problems }: Evidence): Result {
  return seen(problems.length === 0, problems.join("; ") || "every step of the scenario ended as it should");
}

function singleDownload({ served }: Evidence): Result {
  if (served === null) return unchecked(UNCOUNTED);
  const requests = archiveRequests(served);
  const bytes = bytesOf(requests);
  const together = overlaps(requests);
  const parts = `${requests.length} request${requests.length === 1 ? "" : "s"}, ${together} at the same time`;
  return seen(
    bytes >= served.size && bytes <= served.size * TOLERANCE && together === 0,
    `${bytes} bytes of ${served.archive} served, which has ${served.size} (${(bytes / served.size).toFixed(3)} times its size), in ${parts}`,
  );
}

/** One holder while it was fetched, the same one whenever somebody looked, nobody afterwards, and one lock file for all. */
function lockCoordination(evidence: Evidence): Result {
  const fetching = sightingsWhileFetching(evidence).filter(({ holders }) => holders.length > 0);
  const [sighting] = fetching;
  const holders = [...new Set(fetching.flatMap((one) => one.holders))];
  const looks = Object.values(evidence.looks);
  const files = new Set(looks.map(({ lock }) => lock));
  const heldNow = Object.keys(evidence.looks).filter((unit) => evidence.looks[unit]?.lockHeld === true);
  const told = downloaders(evidence);
  if (sighting === undefined) {
    const why = "no unit was seen holding the lock before the release was published";
    return evidence.served === null ? unchecked(why) : seen(false, why);
  }
  const alone = holders.length === 1 && fetching.every((one) => one.holders.length === 1);
  const oneFile = files.size === 1 && !files.has("");
  return seen(
    alone && oneFile && heldNow.length === 0 && told.every((unit) => holders.includes(unit)),
    `held by ${holders.join(" and ")} in ${fetching.length} looks from ${clock(sighting.at)} on, ` +
      `by ${heldNow.join(" and ") || "nobody"} at the end; ${describeSame("inode of .install.lock", evidence.looks, ({ lock }) => lock)}`,
  );
}

function workerWaiting(evidence: Evidence): Result {
  const waiting = waiters(evidence).filter((unit) => !downloaders(evidence).includes(unit));
  const others = evidence.firstUnits - 1;
  const lines = waiting.map((unit) => {
    const change = evidence.workloads[unit]?.find(({ message }) => message.includes("to download"));
    return `${unit} at ${clock(change?.at ?? 0)}: ${change?.message}`;
  });
  const told = lines.join("; ") || "no unit showed that it waits for a download";
  if (waiting.length >= others && others > 0) return seen(true, told);
  return evidence.served === null ? unchecked(`it may have been too short: ${told}`) : seen(false, told);
}

function versionMarker({ looks, version }: Evidence): Result {
  return everyUnit(
    looks,
    ({ versionMarker: text }) => text === version,
    ({ versionMarker: text }) => `${JSON.stringify(text)}, ${Buffer.byteLength(text, "latin1")} bytes`,
    `.installed_version, to be ${JSON.stringify(version)} without a newline`,
  );
}

function sharedAccess({ looks, units }: Evidence): Result {
  const all = Object.values(looks);
  const stores = new Set(all.map(({ store }) => store));
  const systems = new Set(all.map(({ fileSystem }) => fileSystem));
  const same = stores.size === 1 && systems.size === 1 && !stores.has("") && !systems.has("");
  return seen(
    all.length === units && same && all.every(({ mounted }) => mounted),
    `${all.length} units, mounted in ${all.filter(({ mounted }) => mounted).length}; ` +
      `${describeSame("store id", looks, ({ store }) => store)}; ` +
      describeSame("device, inode and file system id", looks, ({ fileSystem }) => fileSystem),
  );
}

function identicalContent({ looks, units }: Evidence): Result {
  const files = new Set(Object.values(looks).map(({ executable }) => executable));
  return seen(
    Object.keys(looks).length === units && files.size === 1 && !files.has(""),
    describeSame("inode and size of bin/concourse", looks, ({ executable }) => executable),
  );
}

function lxcMode({ looks, storage, sharedStorage }: Evidence): Result {
  const marked = Object.values(looks).filter(({ lxcMarker }) => lxcMarker === "regular empty file, 0 bytes");
  const units = Object.keys(looks);
  const mounted = units.filter((unit) => String(storage[unit]?.["mounted"]) === "true");
  return seen(
    sharedStorage === "lxc" && units.length > 0 && marked.length === units.length && mounted.length === units.length,
    `shared-storage=${sharedStorage}; ${describeSame(".lxc_shared_storage", looks, ({ lxcMarker }) => lxcMarker)}; ` +
      `storage-status says mounted in ${mounted.length} of ${units.length} units`,
  );
}

/** Services run the release in the shared directory itself, no copy of it. */
function storagePath({ looks }: Evidence): Result {
  const isThere = (path: string): boolean => path.startsWith(`${STORE}/releases/`);
  return everyUnit(
    looks,
    ({ current, running }) =>
      isThere(current) && Object.values(running).length > 0 && Object.values(running).every(isThere),
    ({ current, running }) => Object.values(running).join(" ") || `${current || "no release"}, and nothing runs`,
    "running from",
  );
}

function scaling({ served, moments, units, firstUnits: first }: Evidence): Result {
  if (served === null) return unchecked(UNCOUNTED);
  if (moments.published === null) return seen(false, "no release was published");
  const bytes = bytesAfter(served, moments.published);
  const names = moments.added.map(({ unit }) => unit);
  return seen(
    bytes === 0 && names.length === units - first,
    `added ${names.join(", ") || "none"}; ${bytes} bytes of the archive served after ${clock(moments.published)}, when it was published`,
  );
}

function postgresql({ status }: Evidence): Result {
  const database = status?.applications[DATABASE];
  const messages = Object.entries(unitsOf(status, DATABASE)).map(
    ([name, unit]) => `${name} ${unit["workload-status"].current}, ${unit["workload-status"].message ?? ""}`,
  );
  const related = Object.values(status?.applications[APPLICATION]?.relations ?? {})
    .flat()
    .some((relation) => relation["related-application"] === DATABASE);
  const channel = database?.["charm-channel"] ?? "unknown";
  const primary = messages.filter((message) => / active, Primary/.test(message));
  return seen(
    channel === DATABASE_CHANNEL && related && messages.length > 0 && primary.length === 1,
    `${messages.join("; ") || "no unit"} (${channel}), ${related ? "integrated" : "not integrated"}`,
  );
}

/** One web and workers, with exactly the texts that operators know. */
function fullStack({ status, version, units }: Evidence): Result {
  const texts = Object.entries(unitsOf(status, APPLICATION)).map(
    ([name, unit]) => [name, unit["workload-status"].current, unit["workload-status"].message ?? ""] as const,
  );
  const count = (text: string): number =>
    texts.filter(([, current, message]) => current === "active" && message === text).length;
  return seen(
    count(`Web server ready (v${version}) - port 8080`) === 1 &&
      count(`Worker ready (v${version})`) === units - 1 &&
      texts.length === units,
    texts.map(([name, current, message]) => `${name} ${current}, ${message}`).join("; ") || "no unit",
  );
}

function registeredWorkers({ web, units, version }: Evidence): Result {
  const running = web.workers.filter(({ state }) => state === "running");
  const list = web.workers.map(({ name, state }) => `${name} ${state}`).join(", ") || "none";
  const names = new Set(running.map(({ name }) => name));
  return seen(
    web.problem === "" && web.version === version && running.length === units - 1 && names.size === running.length,
    `${web.url}/api/v1/workers of Concourse ${web.version ?? "(no answer)"}, logged in with get-admin-password: ${list}${web.problem === "" ? "" : ` (${web.problem})`}`,
  );
}

function hostDirectory({ host }: Evidence): Result {
  if (host === null) return unchecked("the shared directory is not on this host");
  const wrong = LAYOUT.filter(
    ([name, kinds]) => !host.some((entry) => entry.name === name && kinds.includes(entry.kind)),
  );
  return seen(
    wrong.length === 0,
    wrong.length === 0
      ? LAYOUT.map(([name]) => name).join(", ")
      : `missing, or of another kind: ${wrong.map(([name]) => name).join(", ")}`,
  );
}

/** Nothing left of the download, no second release, no copy in any unit. */
function releaseBytes({ looks }: Evidence): Result {
  const all = Object.values(looks);
  const [one] = all;
  if (one === undefined) return seen(false, "no unit could be looked into");
  const copies = sum(all.map(({ copiedBytes }) => copiedBytes));
  const total = one.releaseBytes + copies;
  const names = Object.keys(one.releases);
  return seen(
    names.length === 1 && one.unpackedBytes > 0 && total <= one.unpackedBytes * TOLERANCE,
    `${names.join(", ") || "no release"}: ${megabytes(one.unpackedBytes)} unpacked; shared directory and all units hold ` +
      `${megabytes(total)} (${(total / one.unpackedBytes).toFixed(3)} times), of that ${copies} bytes in units`,
  );
}

function everyUnit(
  looks: Evidence["looks"],
  isRight: (look: UnitLook) => boolean,
  describe: (look: UnitLook) => string,
  what: string,
): Result {
  const all = Object.values(looks);
  return seen(all.length > 0 && all.every(isRight), describeSame(what, looks, describe));
}

/** One value for all units, or each unit's. */
function describeSame(what: string, looks: Evidence["looks"], describe: (look: UnitLook) => string): string {
  const values = Object.entries(looks).map(([unit, look]) => [unit, describe(look)] as const);
  const different = new Set(values.map(([, value]) => value));
  const [only] = different;
  if (only === undefined) return `${what}: no unit could be looked into`;
  if (different.size === 1) return `${what}: ${only || "none"} in all ${values.length} units`;
  return `${what}: ${values.map(([unit, value]) => `${unit} ${value || "none"}`).join(", ")}`;
}
