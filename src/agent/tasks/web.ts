/** Watches the web of this unit: its API, the database behind it, and the workers registered there. */
import { ApiError, askPipelines, listWorkers, logIn, readInfo, type Api, type ApiWorker } from "../../concourse/api.ts";
import { errno } from "../../store/errors.ts";
import { canonical } from "../canonical.ts";
import type { Orders, WebState } from "../contract.ts";
import { webPidOf } from "../findings.ts";
import type { Task } from "../runner.ts";
import { within } from "../within.ts";
import type { TaskWorld } from "../world.ts";

interface Needs extends NonNullable<Orders["web"]> {
  readonly database: Orders["database"];
  /** Another process is another web. */
  readonly pid: number;
}

/** While something is expected to happen, and how long that is after the last thing that did. */
const EXPECTING_MS = 250;
const EXPECTING_FOR_MS = 10_000;
const PATIENT_FOR_MS = 60_000;
/** What should have happened long ago. */
const OVERDUE_MS = 1_000;
const REST_MS = 2_000;
const ANSWER_MS = 5_000;
/** A web begins to schedule and to check ten seconds after its start. */
const IDLE_AFTER_MS = 60_000;

export function webTask(world: TaskWorld): Task<Needs> {
  const { ports } = world;
  return {
    name: "web",
    rest: { web: null },
    needs: ({ web, database }, { services }) => (web === null ? null : { ...web, database, pid: webPidOf(services) }),
    begin: (needs) => {
      const look = createLook(world, needs);
      const hasTracked = createTracking(world, needs);
      let changedAt = ports.clock.steady();
      let shown = "";
      let doubted = false;
      return async (io) => {
        const web = await look(io.signal);
        const before = world.findings().web;
        // One answer that is late or odd proves little; a refused connection proves that nobody is there.
        doubted = !doubted && isReady(before) && !isReady(web.state) && !web.refused && shown !== "";
        if (doubted) return EXPECTING_MS;
        const tracks = isReady(web.state) && (await hasTracked());
        io.report({ web: tracks ? { ...web.state, tracks } : web.state, webPid: needs.pid });
        const text = canonical({ ...web.state, problem: null });
        if (text !== shown) changedAt = ports.clock.steady();
        shown = text;
        return pauseFor(web.state, needs.expected ?? [], ports.clock.steady() - changedAt);
      };
    },
  };
}

/** Until the next look, in milliseconds; `since` is how long nothing has changed. */
export function pauseFor(web: WebState, expected: readonly string[], since: number): number {
  const names = new Set(web.workers.map(({ name }) => name));
  const complete = isReady(web) && expected.every((name) => names.has(name));
  if (since < (complete ? EXPECTING_FOR_MS : PATIENT_FOR_MS)) return EXPECTING_MS;
  return complete ? REST_MS : OVERDUE_MS;
}

function isReady(web: WebState | null): boolean {
  return web !== null && web.api && web.database;
}

/**
 * A web that has just started follows no build until ten seconds later; a worker that restarts while it finds one again loses
 * that build (seen with 7.14.3). True from then on, and where it cannot be told.
 */
function createTracking({ ports, findings }: TaskWorld, { database }: Needs): () => Promise<boolean> {
  let first: string | null = null;
  let done = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  return async () => {
    const at = findings().database;
    if (done || database === null) return true;
    if (at?.ready !== true) return false;
    if (ports.clock.steady() - askedAt < OVERDUE_MS) return false;
    askedAt = ports.clock.steady();
    const last = await ports.database.lastTracked(at, database);
    done = last === null || (first !== null && last !== first);
    first ??= last;
    return done;
  };
}

interface Look {
  readonly state: WebState;
  /** Nobody listens. */
  readonly refused: boolean;
}

/** Keeps the token from one look to the next. */
function createLook(world: TaskWorld, { url, username, password }: Needs): (signal: AbortSignal) => Promise<Look> {
  const { ports } = world;
  let token: string | null = null;
  const begun = ports.clock.steady();
  /** What another web left unmoved, or the time before this one, says nothing of it. */
  const isIdle = (): boolean =>
    world.findings().database?.idle === true && ports.clock.steady() - begun >= IDLE_AFTER_MS;

  async function workers(api: Api): Promise<readonly ApiWorker[]> {
    if (token !== null) {
      try {
        return await listWorkers(api, token);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 401) throw error;
      }
    }
    token = null;
    const fresh = await logIn(api, { username, password });
    const list = await listWorkers(api, fresh);
    token = fresh;
    return list;
  }

  /** Of a web that answered before; another process is another look. */
  let version: string | null = null;

  return async (outer) => {
    const ask = <T>(question: (api: Api) => Promise<T>) =>
      within(ports.clock, ANSWER_MS, outer, (signal) => question({ http: ports.http, url, signal }));
    const known = version;
    try {
      version ??= (await ask(readInfo)).version;
      const running = (await ask(workers)).filter(({ state }) => state === "running");
      await ask(askPipelines);
      if (isIdle()) throw new Error("it has checked nothing for a minute");
      const names = running.map(({ name, state, since }) => ({ name, state, since }));
      return { state: { api: true, version, database: true, workers: names, problem: null }, refused: false };
    } catch (error) {
      const refused = errno(error) === "ECONNREFUSED";
      // That a known web does not list workers says little about its API.
      if (known !== null && !refused)
        version = await ask(readInfo).then(
          (info) => info.version,
          () => null,
        );
      if (refused) version = null;
      const problem = errno(error) || (error instanceof Error ? error.message : String(error));
      return { state: { api: version !== null, version, database: false, workers: [], problem }, refused };
    }
  };
}
