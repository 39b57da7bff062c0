/** Brings the target into the store, if this unit is the one to do it. */
import { activityOf } from "../../store/activity.ts";
import { locate } from "../../concourse/sources.ts";
import { fetchRelease, finishPublished } from "../../store/fetch.ts";
import { findRelease } from "../../store/release.ts";
import { blocked, SourceError } from "../../store/errors.ts";
import type { BadArchive, FetchProgress, Store } from "../../store/types.ts";
import { canonical } from "../canonical.ts";
import type { FetchState, Orders, SourceOrders, Target } from "../contract.ts";
import { Fault } from "../fault.ts";
import { showMaintenance } from "../juju.ts";
import { createProgressGate, progressText } from "../progress.ts";
import { unitResource } from "../resource.ts";
import type { Task, TaskIo } from "../runner.ts";
import { storeNeeds, withStore, type StoreNeeds, type TaskWorld } from "../world.ts";

interface Needs {
  readonly target: Target;
  readonly damaged: readonly string[];
  readonly request: Orders["request"];
  readonly source: SourceOrders;
  readonly store: StoreNeeds;
  readonly unit: string;
}

/** While another one downloads. */
const HELD_MS = 1_000;
/** How often is looked whether they get on, and after how long without an operator is asked. */
const ACTIVITY_MS = 10_000;
const STUCK_MS = 10 * 60_000;
/** Once it is there: it is only put back should it vanish. */
const PUBLISHED_MS = 10_000;

export function fetchTask(world: TaskWorld): Task<Needs> {
  const { ports } = world;
  return {
    name: "fetch",
    rest: { fetch: null },
    needs: (orders, findings) => {
      const { fetch, target, damaged = [], request = null, source, unit } = orders;
      if (!fetch || target === null) return null;
      const store = storeNeeds(orders, findings);
      if (store === null || store === undefined) return store;
      // What is fetched is named by its digest; a manifest that is committed meanwhile changes nothing.
      const wanted = { ...target, manifestSha256: null };
      return findings.store.writable ? { target: wanted, damaged, request, source, store, unit } : null;
    },
    begin: ({ target, damaged, request, source, store: needs, unit }) => {
      const resource = unitResource(world, unit);
      const stuck = createStuckDetector(world, unit);
      let bad: readonly BadArchive[] = [];
      return async (io) => {
        const { release, fetch } = world.findings();
        const there = release?.sha256 === target.sha256 && !damaged.includes(release.name);
        if (there && fetch?.step === "published") return PUBLISHED_MS;
        return withStore(world, needs, async (store) => {
          const tell = createTeller(world, io, unit, target.version);
          if ((await findRelease(ports, store, target, damaged)) !== null) {
            await finishPublished(ports, store, target);
            return tell.published();
          }
          try {
            const lock = request?.lock ?? true;
            const options = { report: tell.progress, signal: io.signal, lock, bad, damaged };
            const archives = () => locate(source, target, resource);
            const outcome = await fetchRelease(ports, store, target, archives, options);
            if (outcome.kind === "published") return tell.published();
            tell.held(outcome.holder);
            await stuck(store, outcome.holder);
            return HELD_MS;
          } catch (error) {
            if (error instanceof SourceError && error.bad.length > 0) bad = error.bad;
            if (!(error instanceof Fault)) tell.failed();
            throw error;
          }
        });
      };
    },
  };
}

/** Throws once whoever has the lock has not got any further for ten minutes. */
function createStuckDetector(
  { ports }: TaskWorld,
  unit: string,
): (store: Store, holder: string | null) => Promise<void> {
  let seen = "";
  let since = Number.NEGATIVE_INFINITY;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return async (store, holder) => {
    const now = ports.clock.steady();
    if (now - lookedAt >= ACTIVITY_MS) {
      lookedAt = now;
      const activity = `${holder} ${await activityOf(store)}`;
      if (activity !== seen) since = now;
      seen = activity;
    }
    if (now - since < STUCK_MS) return;
    const who = holder ?? "Whoever has the store's lock";
    const message = `${who} has not moved for 10 minutes: juju run ${unit} fetch-release lock=false`;
    throw new Fault(blocked("holder-stuck", message), HELD_MS);
  };
}

interface Teller {
  readonly progress: (progress: FetchProgress) => void;
  readonly held: (holder: string | null) => void;
  readonly published: () => number;
  readonly failed: () => void;
}

/** Tells one attempt: to the state what the charm may want, to the unit's status how far it is. */
function createTeller({ ports, juju, orders, findings }: TaskWorld, io: TaskIo, unit: string, version: string): Teller {
  const worthTelling = createProgressGate();
  let latest: FetchState = { version, step: "downloading", bytes: 0, total: null, rate: 0, holder: null };
  let lastProblem = "null";
  let firstBytes: number | null = null;
  let running = true;
  let asked = false;

  function show(progress: FetchProgress): void {
    if (asked) return;
    asked = true;
    void juju(async (exec) => {
      asked = false;
      if (running && !io.signal.aborted && orders().quiet !== true)
        await showMaintenance(exec, unit, progressText(version, progress));
    }).catch((error: unknown) => ports.log(`progress not shown: ${String(error)}`));
  }

  function report(change: Partial<FetchState>): void {
    latest = { ...latest, ...change };
    io.report({ fetch: latest });
  }

  return {
    progress: (progress) => {
      const { step, bytes, total, rate, problem } = progress;
      firstBytes ??= bytes;
      const text = canonical(problem);
      // The problem of the attempt before stands until this one has got somewhere.
      if (text !== lastProblem || (problem === null && bytes > firstBytes)) io.problem(problem);
      lastProblem = text;
      const news = findings().fetch?.step !== step;
      const worth = problem === null && worthTelling(ports.clock.steady(), progress);
      if (news || worth) report({ step, bytes, total, rate });
      if (worth) show(progress);
    },
    held: (holder) => {
      running = false;
      report({ step: "waiting", holder });
    },
    published: () => {
      running = false;
      const before = findings().fetch;
      report({ ...(before?.version === version ? before : {}), step: "published", rate: 0, holder: null });
      return PUBLISHED_MS;
    },
    failed: () => {
      running = false;
      report({ step: "failed", rate: 0 });
    },
  };
}
