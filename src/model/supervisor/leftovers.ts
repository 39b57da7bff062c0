/** Processes of a hook that outlived the supervisor that started them, or that must end now. */

import { readdirSync, readFileSync } from "node:fs";

function environmentOf(pid: string): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}`;
  } catch {
    return "";
  }
}

/** Kills every process, in whichever machine, that runs in one of these hook contexts. */
export function killContexts(contextIds: readonly string[]): void {
  if (contextIds.length === 0) return;
  const marks = contextIds.map((id) => `\0JUJU_CONTEXT_ID=${id}\0`);
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const environment = environmentOf(pid);
    if (!marks.some((mark) => environment.includes(mark))) continue;
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It ended by itself in between.
    }
  }
}
