/**
 * `npm run bench [-- install | hook | scale] [options]`: measures, one after the other, what nobody should take on trust.
 * Options go to the one that is named; each of them prints a table, or JSON with `--json`.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "./run.mjs";

const BENCHES = ["install", "hook", "scale"];

const [first = "", ...rest] = process.argv.slice(2);
const named = BENCHES.includes(first);
for (const bench of named ? [first] : BENCHES) {
  process.stdout.write(`\n── ${bench} ──\n`);
  const program = join(ROOT, `tests/bench/${bench}.ts`);
  const options = named ? rest : [];
  const { status } = spawnSync(process.execPath, [program, ...options], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
