import type { Target } from "../agent/contract.ts";
import type { Mode } from "../relations/peers.ts";
import { clusterOf, isCopyOf, type Facts } from "./facts.ts";
import { sharesStore } from "./leases.ts";

/** How an application of workers goes by the version of the web application behind `flight`. */

/** Of the application as it is to be: what the options say, if they make sense. */
export function modeOf(facts: Facts): Mode {
  return facts.mistakes.length === 0 ? facts.options.mode : (clusterOf(facts)?.mode ?? "auto");
}

/** An application of workers whose own version is not set. */
export const followsWeb = (facts: Facts): boolean => modeOf(facts) === "worker" && facts.options.version === null;

/**
 * The version to have; "" for the newest there is, null while there is nobody to go by.
 *
 * @param now the version that is committed
 */
export function wantedVersion(facts: Facts, now: string | null): string | null {
  if (facts.options.version !== null) return facts.options.version;
  if (!followsWeb(facts)) return now ?? "";
  return facts.flight?.word?.release?.version ?? versionOfOthers(facts, now) ?? now;
}

/** Webs of another charm each say their version: a new one counts once all have changed to it. */
function versionOfOthers({ flight }: Facts, now: string | null): string | null {
  const versions = new Set((flight?.webs ?? []).flatMap(({ version }) => version ?? []));
  const [first = null] = versions;
  return versions.size > 1 && now !== null && versions.has(now) ? now : first;
}

/** The web application's release, where it is the one to have: digest and all, so that nobody needs to be asked. */
export function releaseOfWeb(facts: Facts, now: string | null): Target | null {
  const release = facts.flight?.word?.release ?? null;
  const fits =
    modeOf(facts) === "worker" &&
    release?.version === wantedVersion(facts, now) &&
    release?.arch === facts.local.arch &&
    (facts.options.releaseDigest === null || facts.options.releaseDigest === release.sha256);
  return fits ? release : null;
}

/**
 * The web application brings the release to the store that both have, or is about to choose one: nobody here has to.
 *
 * @param store id of this application's store
 * @param now the version that is committed
 */
export function webBrings(facts: Facts, store: string | null, now: string | null): boolean {
  if (modeOf(facts) !== "worker" || !sharesStore(facts, store)) return false;
  return facts.flight?.word?.release ? releaseOfWeb(facts, now) !== null : followsWeb(facts);
}

/**
 * Webs change first: true once every web has. One that runs nothing yet, or does not say, holds nobody up, and neither does
 * one whose place another took: the bag of a unit whose machine is down says for ever what it ran. Of another model the
 * units bear other names here than there: then all count.
 */
export function websHaveChanged({ flight }: Facts, target: Target): boolean {
  const webs = flight?.webs ?? [];
  const only = webs.filter(({ unit }) => unit === flight?.word?.web);
  return (only.length > 0 ? only : webs).every(({ word }) => !word?.running || isCopyOf(word.running, target));
}
