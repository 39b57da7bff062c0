/** The way to the unit's charm: `juju-exec`, one at a time. */
import type { Exec, ExecResult } from "../ports.ts";

/** Gives one piece of work at a time the means to run programs; first come, first served. */
export type Turns = <T>(work: (exec: Exec) => Promise<T>) => Promise<T>;

/**
 * A unit runs one thing at a time anyway (Juju 3.6, core/machinelock); waiting here keeps the order of what the agent
 * asks for, so that a progress message never arrives behind the wake that ends it.
 */
export function createTurns(exec: Exec): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(() => work(exec));
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** Longer than any hook of ours; what takes longer is cut off, and the wake repeated. */
const WAKE_TIMEOUT_MS = 600_000;
const STATUS_TIMEOUT_MS = 60_000;

/** Runs the unit's charm once, after whatever the unit is doing. */
export function wakeCharm(exec: Exec, unit: string, charmDirectory: string): Promise<ExecResult> {
  const script = `JUJU_DISPATCH_PATH=hooks/wake ${quote(`${charmDirectory}/dispatch`)}`;
  return exec.run(["juju-exec", "-u", unit, script], { timeout: WAKE_TIMEOUT_MS });
}

/** Sets the unit's status, without a run of the charm. */
export function showMaintenance(exec: Exec, unit: string, message: string): Promise<ExecResult> {
  const script = `status-set maintenance ${quote(message)}`;
  return exec.run(["juju-exec", "-u", unit, script], { timeout: STATUS_TIMEOUT_MS });
}

/** As one word for bash. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
