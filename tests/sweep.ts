/** Set-up of the end-to-end tests: a scratch directory for the run, and somebody to sweep it should the run be killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { SCRATCH, scratchDirectory } from "./fixtures/scratch.ts";

/** Left in the scratch directory by whoever has machines without a model. */
export const BENCH = "bench.json";
export interface BenchRecord {
  readonly kind: string;
  readonly model: string;
}
/** Left in a tool's directory while Incus is on this host for the tests only. */
export const INCUS = "incus";

const SWEEPER = fileURLToPath(new URL("sweeper.ts", import.meta.url));

export default function setup(): () => Promise<void> {
  const directory = scratchDirectory("cm-");
  process.env[SCRATCH] = directory;
  const sweeper = spawn(process.execPath, [SWEEPER, directory], { detached: true, stdio: ["pipe", "pipe", "inherit"] });
  const swept = text(sweeper.stdout);
  return async () => {
    sweeper.stdin.end();
    const [code] = (await once(sweeper, "exit")) as [number];
    const told = await swept;
    if (code !== 0 || told !== "") throw new Error(told || `the sweeper ended with ${code}`);
  };
}
