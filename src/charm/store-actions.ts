import { randomUUID } from "node:crypto";
import { hostPorts } from "../host/ports.ts";
import type { HookTools } from "../juju/hook-tools.ts";
import { cleanUp } from "../store/cleanup.ts";
import { StoreError } from "../store/errors.ts";
import { MANIFEST } from "../store/layout.ts";
import { damageProblem, type Flaw, inspectRelease } from "../store/inspect.ts";
import { openRelease } from "../store/release.ts";
import { readLeases } from "../store/lease.ts";
import { openStore } from "../store/store.ts";
import type { Lease, Release, Store } from "../store/types.ts";
import { apply } from "./apply.ts";
import { clusterOf, type Facts } from "./facts.ts";
import { targetBehind } from "./memory.ts";
import { named } from "./status-words.ts";

/** Actions that look after the store. Each is bounded in time: no other hook of the unit runs meanwhile. */

/** Milliseconds after which a deep check gives up. */
const LONGEST_CHECK = 10 * 60_000;
/** Milliseconds from one line of progress to the next. */
const TELL_EVERY = 5_000;

/** Tells which releases nobody needs; removes them with `dry-run=false`. */
export async function cleanUpReleases(facts: Facts, tools: HookTools): Promise<void> {
  const dryRun = (await tools.actionParameters())["dry-run"] !== false;
  const { orders } = facts.local;
  const cluster = clusterOf(facts);
  if (!orders) return tools.fail("This unit's agent has no orders yet: try again in a moment");
  // While a new version is fetched, units stay where they are: room may be just what it needs.
  if (!dryRun && cluster?.turn !== null)
    return tools.fail("A version is being rolled out: run it again once all units are active");
  await withStore(facts, tools, async (store) => {
    if (!store.writable) return tools.fail("The store is read-only here: run it on a unit that can write to it");
    const keep = [...orders.store.keep, ...orders.store.lease];
    const done = await cleanUp(hostPorts, store, { keep, dryRun });
    if (done === null) return tools.fail("Somebody has the store's lock: see storage-status, and try again");
    await tools.setResults({
      [dryRun ? "would-remove" : "removed"]: done.removed.join(", ") || "nothing",
      bytes: String(done.bytes),
      leased: leasedBeyond(keep, await readLeases(store)),
      ...(dryRun ? { next: "run it with dry-run=false" } : {}),
    });
  });
}

/** Releases that stay for nothing but a lease, and whose: what a unit that is gone for good has left an operator removes. */
export function leasedBeyond(keep: readonly string[], leases: readonly Lease[]): string {
  const pinned = leases.flatMap(({ member, releases }) =>
    releases.filter((name) => !keep.includes(name)).map((name) => `${name} by worker/${member}`),
  );
  return pinned.join(", ") || "nothing else";
}

/** Reads every file of the copy that this unit runs. What it finds damaged the unit's agent is told to look at. */
export async function verifyRelease(facts: Facts, tools: HookTools): Promise<void> {
  const { current } = facts.local;
  const cluster = clusterOf(facts);
  if (current === null || !cluster) return tools.fail("This unit runs no release yet: see check-status");
  const target = targetBehind(current, cluster);
  if (!target) return tools.fail(`Nobody remembers what ${current} should be: bring the unit to another version`);
  await withStore(facts, tools, async (store) => {
    const release = await openRelease(hostPorts, store, target, current);
    if (!release) return failDamaged(facts, tools, { path: MANIFEST, what: "is missing or damaged" });
    const files = release.manifest.files.length;
    const bytes = release.manifest.files.reduce((sum, { size }) => sum + size, 0);
    const began = performance.now();
    const flaw = await readAll(store, release, tools);
    if (flaw === "slow") return tools.fail("Not read within 10 minutes: the store is slow; the agent goes on reading");
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    await tools.setResults({ release: current, files: String(files), bytes: String(bytes), seconds });
    if (flaw === null) return tools.setResults({ result: "whole" });
    await failDamaged(facts, tools, flaw);
  });
}

async function failDamaged(facts: Facts, tools: HookTools, flaw: Flaw): Promise<void> {
  await askAgent(facts, true);
  await tools.fail(damageProblem(flaw).message);
}

async function readAll(store: Store, release: Release, tools: HookTools): Promise<Flaw | null | "slow"> {
  const files = release.manifest.files.length;
  const began = performance.now();
  const late = new Error("late");
  let told = began;
  let done = 0;
  try {
    const { flaw } = await inspectRelease(hostPorts, store, release, "all", async () => {
      const now = performance.now();
      if (now - began > LONGEST_CHECK) throw late;
      if (now - told >= TELL_EVERY) {
        told = now;
        await tools.actionLog(`${done} of ${files} files read`);
      }
      done += 1;
    });
    return flaw;
  } catch (error) {
    if (error === late) return "slow";
    throw error;
  }
}

/** Has sources asked and fetches begun at once, with `lock=false` also while somebody else has the store's lock. */
export async function fetchReleaseNow(facts: Facts, tools: HookTools): Promise<void> {
  const lock = (await tools.actionParameters())["lock"] !== false;
  const { orders } = facts.local;
  if (!orders) return tools.fail("This unit's agent has no orders yet: try again in a moment");
  if (!orders.fetch && orders.resolve === null) {
    const who = clusterOf(facts)?.fetcher ?? facts.flight?.application ?? "the leader";
    return tools.fail(`This unit fetches nothing: run it on ${who}`);
  }
  await askAgent(facts, lock);
  await tools.setResults({ asked: `this unit's agent, ${lock ? "under the store's lock" : "whoever has the lock"}` });
}

/** The agent heeds another `id` at once. */
async function askAgent(facts: Facts, lock: boolean): Promise<void> {
  const { orders } = facts.local;
  if (orders) await apply({ do: "order", orders: { ...orders, request: { id: randomUUID(), lock } } }, facts);
}

/** What is wrong with the store is the action's failure, in the words of the status. */
async function withStore(facts: Facts, tools: HookTools, work: (store: Store) => Promise<void>): Promise<void> {
  const { orders, agent } = facts.local;
  if (!orders) return tools.fail("This unit's agent has no orders yet: try again in a moment");
  const { state, store } = await openStore(hostPorts, { ...orders.store, mayCreate: false }, agent?.store);
  if (!store) return tools.fail(named(state.problem?.message ?? "The store is not there", facts));
  try {
    await work(store);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    await tools.fail(named(error.problem.message, facts));
  } finally {
    await store.close();
  }
}
