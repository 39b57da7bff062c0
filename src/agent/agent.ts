/** The unit's background process: tasks over orders and findings, a state file, and wakes. Awaits nothing but ports. */
import { isDeepStrictEqual } from "node:util";
import { errno } from "../store/errors.ts";
import type { AgentState, Orders, Problem } from "./contract.ts";
import { fileMark, readText } from "./files.ts";
import { fromState, NOTHING_FOUND, toState, withProblem, type Findings } from "./findings.ts";
import { openJournal, type Journal } from "./journal.ts";
import { createTurns, wakeCharm } from "./juju.ts";
import { canWait } from "./matters.ts";
import { parseOrders, redact } from "./orders.ts";
import type { AgentPorts } from "./ports.ts";
import { createRunner, type Runner } from "./runner.ts";
import { TASKS } from "./tasks/all.ts";
import { createWaker } from "./waker.ts";
import type { Places, TaskWorld } from "./world.ts";

export interface AgentSettings {
  readonly places: Places;
  /** SHA-256 of the program that runs. */
  readonly program: string;
}

/** Orders are looked at this often should no event tell of them. */
const ORDERS_POLL_MS = 5_000;
const WRITE_RETRY_MS = 1_000;

/** Serves the unit until the signal is raised; resolves when nothing of it runs any more. */
export async function serveUnit(ports: AgentPorts, settings: AgentSettings, signal: AbortSignal): Promise<void> {
  const { places, program } = settings;
  const { clock, random } = ports;
  const juju = createTurns(ports.exec);

  let ordersMark: string | null = null;
  let orders: Orders | null = null;
  let findings: Findings = NOTHING_FOUND;
  let journal: Journal | null = null;

  const world: TaskWorld = {
    ports,
    places,
    juju,
    orders: () => {
      if (orders === null) throw new Error("no orders yet");
      return orders;
    },
    findings: () => findings,
    agreed: async () => {
      save();
      await saved;
      await readOrders();
      return !isOver();
    },
  };

  const log = (line: string) => ports.log(redact(line, orders));
  const lastFault = new Map<string, string>();
  /** The same fault of one thing again and again is told once; names of temporary files make no other one. */
  function tellFault(what: string, error: unknown, text = String(error)): void {
    const kind = errno(error) || String(error);
    if (lastFault.get(what) === kind) return;
    lastFault.set(what, kind);
    log(`${what}: ${text}`);
  }

  const runners: readonly Runner[] = TASKS.map((task) =>
    createRunner(task(world), {
      clock,
      random,
      merge,
      unforeseen: (name, error) => tellFault(name, error, error instanceof Error ? error.stack : undefined),
    }),
  );

  /** While a wake runs, and after one that failed, what it acknowledged may never have been committed. */
  let believed = Number.POSITIVE_INFINITY;
  const acknowledged = () => Math.min(orders?.acknowledged ?? 0, believed);
  const news = () =>
    orders === null || journal === null ? [] : journal.news({ ...orders, acknowledged: acknowledged() });
  const kick = createWaker(
    { clock, needed: () => !isOver() && news().length > 0, canWait: () => canWait(news()), acknowledged, wake },
    signal,
  );

  async function wake(): Promise<void> {
    if (orders === null) return;
    const { unit, charmDirectory } = orders;
    log(`waking the charm: ${news().join(", ")}`);
    believed = acknowledged();
    try {
      const { code, stderr } = await juju((exec) => wakeCharm(exec, unit, charmDirectory));
      if (code === 0) believed = Number.POSITIVE_INFINITY;
      else log(`wake ended with ${code}: ${lastLine(stderr)}`);
    } catch (error) {
      log(`wake failed: ${String(error)}`);
    }
    await readOrders();
  }

  /** Nothing is written and nobody woken from here on. */
  const isOver = () => signal.aborted || orders?.stopping === true;

  function merge(task: string, change: Partial<Findings>, problem?: Problem | null): void {
    const before = findings.problems;
    const same = problem === undefined || (problem === null && before[task] === undefined);
    const next = same ? change : { ...change, problems: withProblem(before, task, problem) };
    const keys = Object.keys(next) as (keyof Findings)[];
    if (keys.every((key) => isDeepStrictEqual(next[key], findings[key]))) return;
    findings = { ...findings, ...next };
    turn();
  }

  let turning = false;
  /** Lets everybody look at orders and findings once more; many changes at once are one look. */
  function turn(): void {
    if (turning) return;
    turning = true;
    queueMicrotask(() => {
      turning = false;
      if (orders === null || signal.aborted) return;
      if (orders.stopping) {
        for (const runner of runners) void runner.stop();
        return;
      }
      for (const runner of runners) runner.evaluate(orders, findings);
      save();
    });
  }

  let saving = false;
  let unsaved = false;
  let saved = Promise.resolve();
  /** Writes the findings if they are news, then sees whether the charm has to be woken. */
  function save(): void {
    unsaved = true;
    if (!saving) saved = saveAll();
  }

  async function saveAll(): Promise<void> {
    saving = true;
    while (unsaved && !isOver()) {
      unsaved = false;
      try {
        // Until the store has been looked at, findings are those of an earlier life, or none at all.
        if (findings.storeEpoch > 0 || findings.problems["store"]) await journal?.write(currentState);
        lastFault.delete("state not written");
        kick();
      } catch (error) {
        tellFault("state not written", error);
        unsaved = true;
        await clock.sleep(WRITE_RETRY_MS, signal);
      }
    }
    saving = false;
  }

  function currentState(sequence: number): AgentState {
    return toState(findings, sequence, program);
  }

  let reading = Promise.resolve();
  /** One reader at a time: what is read last is what was written last. */
  function readOrders(): Promise<void> {
    reading = reading.then(async () => {
      try {
        const mark = await fileMark(ports, places.orders);
        if (mark === null || mark === ordersMark) return;
        // The mark of a writing before this one at worst: then the file is read once more.
        const text = (await readText(ports, places.orders)) ?? "";
        const next = parseOrders(text);
        // As long as the state of the life before cannot be read, the orders count as unread too.
        if (next !== null && journal === null) await begin(next);
        ordersMark = mark;
        if (next === null) return log("orders.json is not understood: going on with the orders before");
        orders = next;
        lastFault.delete("orders not read");
        turn();
      } catch (error) {
        tellFault("orders not read", error);
      }
    });
    return reading;
  }

  async function begin(first: Orders): Promise<void> {
    const opened = await openJournal(ports, places.state, first);
    if (opened.found !== null) findings = fromState(opened.found);
    journal = opened;
  }

  const ordersName = places.orders.slice(places.orders.lastIndexOf("/") + 1);
  const unwatch = ports.watch(places.orders.slice(0, places.orders.lastIndexOf("/")), (name) => {
    if (name === ordersName) void readOrders();
  });
  try {
    while (!signal.aborted) {
      await readOrders();
      await clock.sleep(ORDERS_POLL_MS, signal);
    }
  } finally {
    unwatch();
    await Promise.all(runners.map((runner) => runner.stop()));
  }
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
