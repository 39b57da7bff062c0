import type { Machine } from "./machine.ts";
import { run, stockPath } from "./run.ts";

/** Resolves when the machine's systemd says `running` or `degraded`. @throws Error with what else it says. */
export async function awaitBoot(machine: Machine): Promise<void> {
  const words = ["systemctl", "is-system-running", "--wait"];
  const [file = "", ...args] = machine.command(words, { PATH: stockPath }, "/");
  try {
    await run(file, args);
  } catch (error) {
    // `degraded` ends with 1 and says so.
    const said = error instanceof Error && "stdout" in error ? String(error.stdout).trim() : "";
    if (said !== "degraded") throw new Error(`machine ${machine.id} did not boot: ${said}`, { cause: error });
  }
}
