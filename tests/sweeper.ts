/**
 * Takes down what a run of the end-to-end tests has left on the host, once that run is over, however it ended: it waits
 * in a session of its own for its standard input to end. Told on the command line: the run's scratch directory.
 */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { machineKind } from "../src/machines/index.ts";
import { BENCH, INCUS, type BenchRecord } from "./sweep.ts";

const PROGRAM = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

function run(data: string, ...words: string[]): void {
  const env = { ...process.env, CONCOURSE_MACHINE_DATA: data };
  spawnSync(process.execPath, [PROGRAM, ...words, "--yes"], { env, stdio: ["ignore", "ignore", "inherit"] });
}

const [scratch = ""] = process.argv.slice(2);
process.stdin.resume();
await new Promise((ended) => process.stdin.once("close", ended));

const left = globSync(join(scratch, "*"));
for (const model of globSync(join(scratch, "*/data/models/*"))) {
  run(join(model, "../.."), "down", "-m", basename(model));
}
for (const file of globSync(join(scratch, "*", BENCH))) {
  const { kind, model } = JSON.parse(readFileSync(file, "utf8")) as BenchRecord;
  await machineKind(kind).sweep(model);
}
if (globSync(join(scratch, "*", INCUS)).length > 0) run(scratch, "machines", "clean", "--machines", "incus");
rmSync(scratch, { recursive: true, force: true });
if (left.length > 0)
  process.stdout.write(`Swept what the tests left: ${left.map((path) => basename(path)).join(", ")}\n`);
