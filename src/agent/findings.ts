/** What the agent knows, and the state the charm reads, made from it. */
import { WEB_SERVICE } from "../concourse/services.ts";
import type { AgentState, Problem, ServiceState, WebState } from "./contract.ts";

/** The state without what is derived when it is written. `problems` holds those of every task. */
export interface Findings extends Omit<AgentState, "schema" | "sequence" | "program" | "fetchProblem"> {
  /** Times the store was found or lost in this life of the agent: what was begun with one number ends with it. */
  readonly storeEpoch: number;
  /** The web's main process as it was when `web` was looked at. */
  readonly webPid: number;
}

type Problems = Readonly<Record<string, Problem>>;

/** Tasks whose problems are one field of the state: the first that has one is told. */
const FETCH_TASKS = ["fetch", "release", "scrub"] as const;

export const NOTHING_FOUND: Findings = {
  store: { mounted: false, id: null, writable: false, problem: null },
  lease: null,
  leasing: [],
  resolved: null,
  fetch: null,
  release: null,
  damaged: [],
  workerPublicKey: null,
  preflight: null,
  trial: null,
  clusterSecretReady: false,
  database: null,
  web: null,
  probe: null,
  services: {},
  problems: {},
  storeEpoch: 0,
  webPid: 0,
};

const UNKNOWN_WEB: WebState = { api: false, version: null, database: false, workers: [], problem: null };

export function toState(findings: Findings, sequence: number, program: string): AgentState {
  const { problems, storeEpoch: _epoch, webPid, ...facts } = findings;
  return {
    schema: 1,
    sequence,
    program,
    ...facts,
    // What an earlier process answered says nothing of this one, which would not even survive a signal yet.
    web: facts.web !== null && webPid !== webPidOf(facts.services) ? UNKNOWN_WEB : facts.web,
    fetchProblem: FETCH_TASKS.map((task) => problems[task]).find((problem) => problem !== undefined) ?? null,
    problems: without(problems, FETCH_TASKS),
  };
}

/** What an earlier life of the agent knew. It stands until a task finds otherwise, so that a restart changes nothing. */
export function fromState(state: AgentState): Findings {
  const { schema: _schema, sequence: _sequence, program: _program, fetchProblem, ...facts } = state;
  // A state that another version of the program wrote may lack what this one knows.
  const known = { ...NOTHING_FOUND, ...facts };
  const problems = withProblem(known.problems, "fetch", fetchProblem ?? null);
  return { ...known, problems, webPid: webPidOf(known.services) };
}

export function withProblem(problems: Problems, task: string, problem: Problem | null): Problems {
  const others = without(problems, [task]);
  return problem === null ? others : { ...others, [task]: problem };
}

export function webPidOf(services: Readonly<Record<string, ServiceState>>): number {
  return services[WEB_SERVICE]?.mainPid ?? 0;
}

function without(problems: Problems, tasks: readonly string[]): Problems {
  return Object.fromEntries(Object.entries(problems).filter(([task]) => !tasks.includes(task)));
}
