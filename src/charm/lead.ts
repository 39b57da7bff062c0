import type { AgentState, Orders, Target } from "../agent/contract.ts";
import { NO_CLUSTER, type Cluster, type UnitReport } from "../relations/peers.ts";
import { chooseDamaged, isGoodCopy } from "./damage.ts";
import { clusterOf, isFetching, type Facts } from "./facts.ts";
import { followsWeb, modeOf, releaseOfWeb, webBrings, websHaveChanged, wantedVersion } from "./follow.ts";
import { sharesStore } from "./leases.ts";
import { archiveOf, expectedManifest, remember } from "./memory.ts";

/**
 * What the leader decides, as a function of what all units have said: the next value of app data. Same facts, same value;
 * a change of anything raises the generation.
 *
 * @param own what the leader's own unit says at this moment: no event would bring its bag back to itself
 */
export function lead(facts: Facts, own: UnitReport | null): Cluster | null {
  if (!facts.leader || !facts.peers || facts.alive === null) return null;
  const now = clusterOf(facts) ?? NO_CLUSTER;
  const units = unitsOf(facts, own);
  // Options that make no sense decide nothing; who runs the web is decided all the same.
  const sane = facts.mistakes.length === 0;
  const mode = modeOf(facts);
  const store = sane ? chooseStore(facts, now) : now.store;
  const fetcher = chooseFetcher(facts, units, { ...now, store });
  const chosen = sane ? chooseRelease(facts, units, { ...now, store, fetcher }) : now.release;
  const reports = units.map(({ report }) => report);
  const damaged = chooseDamaged(facts, reports, now, chosen);
  const release = isRepaired({ ...now, fetcher, damaged }, now) ? openAgain(chosen) : chosen;
  const committed = remember(now, release, facts.local.current);
  const web = mode === "worker" ? null : chooseWeb(facts, units, now);
  const turn = chooseTurn(facts, units, { ...now, release, damaged, web });
  const next = { mode, release, committed, damaged, store, fetcher, web, turn };

  const highest = Math.max(now.generation, ...units.map(({ report }) => report?.generation ?? 0));
  const changed = JSON.stringify({ ...next, generation: 0 }) !== JSON.stringify({ ...sorted(now), generation: 0 });
  return { generation: changed || highest > now.generation ? highest + 1 : now.generation, ...next };
}

/** What the leader's agent has to find out before a release can be decided on; null if nothing. */
export function toResolve(facts: Facts): Orders["resolve"] {
  const { local } = facts;
  const release = clusterOf(facts)?.release ?? null;
  const version = versionToChoose(facts);
  if (!facts.leader || !local.arch || facts.mistakes.length > 0 || version === null) return null;
  const given = releaseOfWeb(facts, release?.version ?? null) ?? remembered(facts);
  return given ? null : { version, arch: local.arch };
}

/** The version that is wanted, "" for the newest; null while what is committed is what is wanted. */
function versionToChoose(facts: Facts): string | null {
  const { releaseDigest } = facts.options;
  const release = clusterOf(facts)?.release ?? null;
  const version = wantedVersion(facts, release?.version ?? null);
  const settled =
    release !== null &&
    release.version === version &&
    (releaseDigest === null || releaseDigest === release.sha256) &&
    !isDisproved(facts, release);
  return settled ? null : version;
}

/** What is to be chosen was agreed on before, and nothing has spoken against it since. */
function remembered(facts: Facts): Target | null {
  const now = clusterOf(facts);
  const version = versionToChoose(facts);
  if (!now || version === null || (now.release && isDisproved(facts, now.release))) return null;
  return archiveOf(version, facts, now);
}

/** The archive turned out to be another one: whoever named the digest may have corrected it meanwhile. */
const isDisproved = ({ local }: Facts, release: Target): boolean =>
  release.manifestSha256 === null && local.agent?.fetchProblem?.code === "digest-mismatch";

interface Unit {
  readonly unit: string;
  readonly report: UnitReport | null;
}

/**
 * All units that are here to stay, ourselves first unless we are leaving, those that have not said anything last. Who is
 * here the controller knows: to a leader that leaves, the others go out of the relation's sight one by one.
 */
function unitsOf(facts: Facts, own: UnitReport | null): Unit[] {
  const { unit, departingUnit } = facts.environment;
  const related: Unit[] = [{ unit, report: own }, ...(facts.peers?.others ?? [])];
  const { alive } = facts;
  const unseen = (alive ?? []).filter((name) => related.every((other) => other.unit !== name));
  const all = [...related, ...unseen.map((name): Unit => ({ unit: name, report: null }))];
  return all.filter((one) => one.unit !== departingUnit && (alive === null || alive.includes(one.unit)));
}

function chooseStore(facts: Facts, now: Cluster): string | null {
  if (facts.options.sharedStorage === "none") return null;
  const store = facts.local.agent?.store;
  return now.store ?? (store?.mounted && !store.problem ? store.id : null);
}

function chooseFetcher(facts: Facts, units: readonly Unit[], now: Cluster): string | null {
  const can = (candidate: Unit): boolean =>
    facts.options.sharedStorage === "none" || candidate.report?.store?.writable === true;
  // What the web application brings to a store that both have needs no second one to bring it.
  if (webBrings(facts, now.store, now.release?.version ?? null)) return null;
  // It stood by and got the lock: who was named is not there any more, or has failed.
  if (isPending(now) && isFetching(facts.local.agent)) return facts.environment.unit;
  const present = units.find(({ unit }) => unit === now.fetcher);
  // One that has not reported yet is given its time; one that reported a store it cannot write to is not.
  if (present && (can(present) || !present.report?.store)) return now.fetcher;
  return units.find(can)?.unit ?? (present ? now.fetcher : (units[0]?.unit ?? null));
}

const isPending = ({ release }: Cluster): boolean => release !== null && release.manifestSha256 === null;

function chooseRelease(facts: Facts, units: readonly Unit[], now: Cluster): Target | null {
  const asked = toResolve(facts);
  if (asked) {
    const found = facts.local.agent?.resolved;
    return found?.target && answers(found, asked, facts.options) ? asCommitted(found.target, now) : now.release;
  }
  const given = releaseOfWeb(facts, now.release?.version ?? null);
  // On a store that both have it is published once, by whom the web application's leader believes.
  if (given && sharesStore(facts, now.store)) return given;
  const chosen = given ?? remembered(facts);
  const release = chosen ? asCommitted(chosen, now) : now.release;
  if (!release || release.manifestSha256 !== null) return release;
  const damaged = new Set(
    chooseDamaged(
      facts,
      units.map(({ report }) => report),
      now,
      release,
    ).map((copy) => copy.release),
  );
  const expected = expectedManifest(release, now.committed);
  const isExpected = (manifest: string): boolean => expected === null || manifest === expected;
  // The leader's own word counts too: it may have taken over and been done before it could say so.
  const published = units
    .filter(({ unit }) => unit === now.fetcher || unit === facts.environment.unit)
    .map(({ report }) => report?.published)
    .find((word) => word?.sha256 === release.sha256 && !damaged.has(word.name) && isExpected(word.manifestSha256));
  return published ? { ...release, manifestSha256: published.manifestSha256 } : release;
}

/** An answer to an older question may still lie there: of another version, or from before an operator named the digest. */
const answers = (
  { asked, target }: NonNullable<AgentState["resolved"]>,
  { version, arch }: NonNullable<Orders["resolve"]>,
  { releaseDigest }: Facts["options"],
): boolean => asked === version && target?.arch === arch && (releaseDigest === null || target.sha256 === releaseDigest);

/** A release that is already agreed on keeps its manifest; of another one it is still open. */
function asCommitted({ version, arch, sha256 }: Target, { release }: Cluster): Target {
  return release?.sha256 === sha256 && release.version === version
    ? release
    : { version, arch, sha256, manifestSha256: null };
}

/** One more copy is damaged, and it is ours to bring another one. */
const isRepaired = (next: Cluster, now: Cluster): boolean =>
  next.fetcher !== null && next.damaged.length > now.damaged.length;

/** What is published of it next is agreed on anew. */
const openAgain = (release: Target | null): Target | null => release && { ...release, manifestSha256: null };

/** Sticky: a web moves only when its unit is gone or silent, never because leadership moved. */
function chooseWeb(facts: Facts, units: readonly Unit[], now: Cluster): string | null {
  const probe = facts.local.agent?.probe;
  const silent = probe?.silent === true && probe.unit === now.web ? probe.unit : null;
  const candidates = units.filter(({ unit }) => unit !== silent);
  if (candidates.some(({ unit }) => unit === now.web)) return now.web;
  return candidates[0]?.unit ?? (units.length > 0 ? now.web : null);
}

/**
 * Whose turn it is to change to the published release, or to restart for changed settings: the web first, then the workers
 * by number, one at a time; the next only when the one before does its work again.
 */
function chooseTurn(facts: Facts, units: readonly Unit[], now: Cluster): string | null {
  const target = now.release?.manifestSha256 ? now.release : null;
  if (target && followsWeb(facts) && !websHaveChanged(facts, target)) return null;
  const isThere = (running: string | null): boolean => target === null || isGoodCopy(running, target, now.damaged);
  const isDone = ({ running, restart, ready }: UnitReport): boolean => isThere(running) && restart !== true && ready;
  const behind = units.filter(
    ({ report }) => report && report.running !== null && (!isThere(report.running) || report.restart === true),
  );
  // A web that was placed anew in the middle of it does not wait for a worker that may be waiting for it.
  if (behind.some(({ unit }) => unit === now.web)) return now.web;
  const current = units.find(({ unit }) => unit === now.turn);
  if (current && !(current.report && isDone(current.report))) return now.turn;
  // It lost its turn and is away: nobody else's begins, but what it lacks may be what is to change.
  const away = units.find(({ report }) => report?.ready === false);
  if (away) return behind.includes(away) ? away.unit : null;
  return behind.toSorted((a, b) => order(a, now.web) - order(b, now.web))[0]?.unit ?? null;
}

const order = ({ unit }: Unit, web: string | null): number => (unit === web ? -1 : Number(unit.split("/")[1]));

function sorted(cluster: Cluster): Omit<Cluster, "generation"> {
  const { mode, release, committed, damaged, store, fetcher, web, turn } = cluster;
  return { mode, release, committed, damaged, store, fetcher, web, turn };
}
