/** Brings the target into the store, if this unit is the one to do it. */
import { locate } from "../../concourse/sources.ts";
import { fetchRelease } from "../../store/fetch.ts";
import { findRelease } from "../../store/release.ts";
import { SourceError } from "../../store/errors.ts";
import type { BadArchive, FetchProgress } from "../../store/types.ts";
import { canonical } from "../canonical.ts";
import type { FetchState, SourceOrders, Target } from "../contract.ts";
import { showMaintenance } from "../juju.ts";
import { createProgressGate, progressText } from "../progress.ts";
import { unitResource } from "../resource.ts";
import type { Task, TaskIo } from "../runner.ts";
import { storeNeeds, withStore, type StoreNeeds, type TaskWorld } from "../world.ts";

interface Needs {
  readonly target: Target;
  readonly source: SourceOrders;
  readonly store: StoreNeeds;
  readonly unit: string;
}

/** While another one downloads. */
const HELD_MS = 1_000;
/** Once it is there: it is only put back should it vanish. */
const PUBLISHED_MS = 10_000;

export function fetchTask(world: TaskWorld): Task<Needs> {
  const { ports } = world;
  return {
    name: "fetch",
    rest: { fetch: null },
    needs: (orders, findings) => {
      const { fetch, target, source, unit } = orders;
      if (!fetch || target === null) return null;
      const store = storeNeeds(orders, findings);
      if (store === null || store === undefined) return store;
      // What is fetched is named by its digest; a manifest that is committed meanwhile changes nothing.
      return findings.store.writable ? { target: { ...target, manifestSha256: null }, source, store, unit } : null;
    },
    begin: ({ target, source, store: needs, unit }) => {
      const resource = unitResource(world, unit);
      let bad: readonly BadArchive[] = [];
      return async (io) => {
        const { release, fetch } = world.findings();
        if (release?.sha256 === target.sha256 && fetch?.step === "published") return PUBLISHED_MS;
        return withStore(world, needs, async (store) => {
          const tell = createTeller(world, io, unit, target.version);
          if ((await findRelease(ports, store, target)) !== null) return tell.published();
          try {
            const options = { report: tell.progress, signal: io.signal, lock: true, bad };
            const archives = () => locate(source, target, resource);
            const outcome = await fetchRelease(ports, store, target, archives, options);
            return outcome.kind === "held" ? tell.held(outcome.holder) : tell.published();
          } catch (error) {
            if (error instanceof SourceError && error.bad.length > 0) bad = error.bad;
            tell.failed();
            throw error;
          }
        });
      };
    },
  };
}

interface Teller {
  readonly progress: (progress: FetchProgress) => void;
  readonly held: (holder: string | null) => number;
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
      return HELD_MS;
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
