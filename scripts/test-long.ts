/**
 * `npm run test:long`: what takes too long for every change. Each step is a command of its own, shown as it runs; it ends
 * with a table of what each took and one plain line. `npm run test:long -- sim` runs the steps whose names begin so.
 */
import { spawnSync } from "node:child_process";

const SIM = ["node", "sim/main.ts"] as const;

const steps: readonly (readonly [name: string, ...argv: string[]])[] = [
  ["sim: ten thousand seeds", ...SIM, "--seeds", "10000", "--units", "2..8"],
  ["sim: a lock that always says yes", ...SIM, "--seeds", "2000", "--units", "2..8", "--no-lock"],
  ["sim: planted faults", ...SIM, "--mutation", "all", "--seeds", "2000"],
  ["sim: a hundred versions in a row", ...SIM, "versions"],
  ["sim: power losses", ...SIM, "crash"],
  ["sim: failing calls", ...SIM, "errno"],
  ["real processes on real disks", "vitest", "run", "--project", "long"],
];

interface Result {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
}

function run(name: string, argv: readonly string[]): Result {
  process.stdout.write(`\n── ${name} ──\n`);
  const [command = "", ...args] = argv;
  const began = performance.now();
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  return { name, ok: status === 0, seconds: Math.round((performance.now() - began) / 1000) };
}

function main(wanted: string): number {
  const chosen = steps.filter(([name]) => name.startsWith(wanted));
  if (chosen.length === 0) {
    process.stderr.write(`No step begins with "${wanted}": ${steps.map(([name]) => name).join(" | ")}\n`);
    return 2;
  }
  const results = chosen.map(([name, ...argv]) => run(name, argv));
  const lines = results.map(
    ({ name, ok, seconds }) => `${ok ? "passed" : "FAILED"}  ${String(seconds).padStart(6)} s  ${name}\n`,
  );
  const failed = results.filter(({ ok }) => !ok).length;
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0);
  process.stdout.write(`\n${lines.join("")}\n${results.length - failed} passed, ${failed} failed, ${seconds} s\n`);
  return failed > 0 ? 1 : 0;
}

process.exitCode = main(process.argv[2] ?? "");
