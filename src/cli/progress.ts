/** Waiting for units to become active, with what they do meanwhile on the screen or line by line. */

import type { StatusData, UnitStatus } from "../model/state/types.ts";
import { renderTabular } from "../model/status/tabular.ts";
import { LiveView } from "./live-view.ts";
import { askModel, print } from "./session.ts";

/** Milliseconds that units may stay blocked or in error, or that nothing at all may happen, before we stop waiting. */
const STUCK_AFTER = 60_000;
const SILENT_AFTER = 15 * 60_000;

export type Settled = "ready" | "stuck";

function unitsOf(status: StatusData): [string, UnitStatus][] {
  return Object.values(status.applications).flatMap((application) => Object.entries(application.units));
}

function isReady(status: StatusData, expected: number): boolean {
  const units = unitsOf(status);
  return (
    units.length >= expected &&
    units.every(([, unit]) => unit.workload.current === "active" && unit.agent.current === "idle")
  );
}

/** Nobody works and nobody waits for anything but a person. */
function isStuck(status: StatusData): boolean {
  const states = unitsOf(status).map(([, unit]) => unit.workload.current);
  return states.some((state) => ["blocked", "error"].includes(state)) && !states.includes("maintenance");
}

/** One line for each unit whose state or message changed. */
class Lines {
  readonly #last = new Map<string, string>();

  show(status: StatusData): void {
    for (const [name, unit] of unitsOf(status)) {
      const line = `${name}: ${unit.workload.current}${unit.workload.message === "" ? "" : `, ${unit.workload.message}`}`;
      if (this.#last.get(name) === line) continue;
      this.#last.set(name, line);
      print(`${line}\n`);
    }
  }
}

/** Shows the model until all its units, at least `expected`, are active and idle; or tells why it stopped waiting. */
export async function awaitReady(model: string, expected: number): Promise<Settled> {
  const done = new AbortController();
  let settled: Settled = "stuck";
  const end = (how: Settled): void => {
    settled = how;
    done.abort();
  };
  const view = new LiveView();
  const lines = new Lines();
  let timer: NodeJS.Timeout | undefined;
  const see = (event: unknown): void => {
    const status = event as StatusData;
    if (process.stdout.isTTY === true) view.show(renderTabular(status, { relations: false, color: true, utc: false }));
    else lines.show(status);
    clearTimeout(timer);
    if (isReady(status, expected)) return end("ready");
    timer = setTimeout(() => end("stuck"), isStuck(status) ? STUCK_AFTER : SILENT_AFTER);
  };
  try {
    await askModel(model, "follow", {}, see, done.signal);
  } catch (error) {
    if (!done.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    view.clear();
  }
  return settled;
}
