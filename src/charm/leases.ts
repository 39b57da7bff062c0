import type { Orders } from "../agent/contract.ts";
import { parseReleaseName, releaseName } from "../store/layout.ts";
import { readWorkerBag } from "../relations/tsa.ts";
import { clusterOf, isCopyOf, memberName, type Facts } from "./facts.ts";
import { isOfOtherModel, memberBehind } from "./other-model.ts";

/** Who leases releases for whom: a unit whose mount is read-only has those with a writable one do it. */

/**
 * The releases this unit needs: what it runs, also where the link leads elsewhere by now, and what it is moving to. The
 * target's first copy until one is found: another one may have taken the place of that, which is damaged then.
 */
export function neededReleases(facts: Facts): string[] {
  const { current, agent, services } = facts.local;
  const target = clusterOf(facts)?.release;
  const running = Object.values(services).map(({ release }) => release);
  const found = agent?.release?.name ?? null;
  const awaited = target && !isCopyOf(found, target) ? releaseName(target) : null;
  const names = [current, ...running, found, awaited].filter((name) => name !== null);
  return [...new Set(names)].toSorted();
}

/** The web application behind `flight` has the same store before its eyes. */
export function sharesStore({ flight }: Facts, store: string | null): boolean {
  return store !== null && flight?.word?.store === store;
}

/**
 * What this unit asks its own application's fetcher to lease for it. A store that is away or refused takes nothing back:
 * what runs may still run from there.
 */
export function askedOfPeers(facts: Facts): readonly string[] | null {
  const store = facts.local.agent?.store;
  if (facts.options.sharedStorage === "none" || store?.writable) return null;
  return store?.mounted && store.id && !store.problem ? neededReleases(facts) : (facts.peers?.report?.lease ?? null);
}

/** What it asks the web application's fetcher, if that has the same store. */
export function askedOfWeb(facts: Facts): readonly string[] | null {
  const { flight } = facts;
  if (flight?.word && !sharesStore(facts, clusterOf(facts)?.store ?? null)) return null;
  return flight?.word ? askedOfPeers(facts) : (readWorkerBag(flight?.told ?? {}).word?.lease ?? null);
}

/**
 * On the fetcher: the leases to hold for others. Whose a lease is, Juju tells and no bag alone (`memberBehind`): no unit can
 * touch another's. A unit that is there but has said nothing, or is out of sight and still on its way out, keeps what it has
 * (`releases` null); one that is not listed loses it.
 */
export function leasesForOthers(facts: Facts): Orders["store"]["leasesFor"] {
  const { environment, local, alive, aliveBehindTsa, leaving } = facts;
  if (clusterOf(facts)?.fetcher !== environment.unit || facts.options.sharedStorage === "none") return undefined;
  const before = local.orders?.store.leasesFor;
  // Who is here cannot be told: what was ordered before stands.
  if (alive === null || aliveBehindTsa === null) return before;
  const asked = new Map<string, readonly string[] | null>();
  const heard = new Set([environment.unit]);
  const hear = (
    unit: string,
    member: string | null,
    word: { readonly lease: readonly string[] | null } | null,
  ): void => {
    if (word) heard.add(unit);
    if (!word?.lease || member === null) return;
    // Two that claim one name: neither takes from the other.
    const names = [...(asked.get(member) ?? []), ...word.lease.filter((name) => parseReleaseName(name) !== null)];
    asked.set(member, [...new Set(names)].toSorted());
  };
  for (const { unit, report } of facts.peers?.others ?? []) hear(unit, memberName(environment, unit), report);
  for (const tsa of facts.tsa)
    for (const worker of tsa.workers) hear(worker.unit, memberBehind(environment, tsa, worker), worker.word);
  for (const unit of [...alive, ...aliveBehindTsa, ...leaving])
    if (!heard.has(unit)) asked.set(memberName(environment, unit), null);
  // Who is there of another model nobody lists: of those only one that was seen here can be seen to be gone.
  for (const { member } of before ?? [])
    if (isOfOtherModel(environment, member) && !asked.has(member)) asked.set(member, []);
  return [...asked]
    .map(([member, releases]) => ({ member, releases }))
    .toSorted((a, b) => (a.member < b.member ? -1 : 1));
}
