import { readFileSync, writeFileSync } from "node:fs";
import { code } from "./errno.ts";

/** The init of a running machine, as the host sees it. A pid alone may be anybody's; with start time and boot it is one process. */
export interface Init {
  readonly pid: number;
  /** Clock ticks since the host's boot (proc(5), field 22 of stat). */
  readonly startTime: string;
  readonly bootId: string;
}

/** This boot of the host. */
export function hostBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Reads the record that the boot script leaves; null when there is none, it is half written, or its process is gone. */
export function readInit(file: string): Init | null {
  const text = readIfThere(file);
  const [, pid, startTime, bootId] = /^(\d+) (\d+) (\S+)\n$/.exec(text ?? "") ?? [];
  if (pid === undefined || startTime === undefined || bootId === undefined) return null;
  const init = { pid: Number(pid), startTime, bootId };
  return alive(init) ? init : null;
}

/** Leaves the same record for a process that runs now. @throws Error (ENOENT) if it does not. */
export function writeInit(file: string, pid: number): void {
  const { startTime, bootId } = initOf(pid);
  writeFileSync(file, `${pid} ${startTime} ${bootId}\n`);
}

/** The process that has this number now. @throws Error (ENOENT) if none has. */
export function initOf(pid: number): Init {
  const { startTime } = statOf(readFileSync(`/proc/${pid}/stat`, "utf8"));
  return { pid, startTime, bootId: hostBootId() };
}

/** Whether it runs; one that has ended and waits to be collected does not. */
export function alive({ pid, startTime, bootId }: Init): boolean {
  const text = readIfThere(`/proc/${pid}/stat`);
  if (text === null || bootId !== hostBootId()) return false;
  const stat = statOf(text);
  return stat.startTime === startTime && !["Z", "X"].includes(stat.state);
}

/** The name in parentheses may hold anything; fields are counted from behind it: state is the third, start time the 22nd. */
function statOf(text: string): { readonly state: string; readonly startTime: string } {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", startTime: fields[22 - 3] ?? "" };
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    // ESRCH: the process ended between opening and reading.
    if (["ENOENT", "ESRCH"].includes(code(error))) return null;
    throw error;
  }
}
