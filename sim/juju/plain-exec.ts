import type { JujuUnit } from "./model.ts";

/** A `juju-exec` of an agent that runs no hook: its progress in words, and the bytes of a resource that is none. */
export function plainExec(unit: JujuUnit, script: string): { code: number; stdout: string; stderr: string } {
  if (script.startsWith("status-set")) {
    const message = /'(.*)'$/.exec(script)?.[1] ?? "";
    unit.status = { status: "maintenance", message };
    return { code: 0, stdout: "", stderr: "" };
  }
  return { code: 1, stdout: "", stderr: "ERROR could not download resource" };
}
