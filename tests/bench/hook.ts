/**
 * What a hook costs that has nothing to do: the charm's dispatch on every unit of an idle deployment, from spawn to exit,
 * with the model's own hook commands. One more run of each unit is traced, to see which commands it is made of.
 *
 *     node tests/bench/hook.ts [--units 4] [--runs 20] [--json]
 */
import { readFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { deployConcourse, type Concourse } from "../e2e/concourse.ts";
import { Tool } from "../e2e/tool.ts";

const DISPATCH = "JUJU_DISPATCH_PATH=hooks/update-status $CHARM_DIR/dispatch";
/** Ticks of the kernel's clock a second, as /proc counts processor time (USER_HZ). */
const TICKS = 100;

/** One hook command of a traced dispatch: milliseconds since the first one began. */
interface Command {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Times in milliseconds. */
export interface HookFigures {
  readonly load: number;
  readonly runs: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** A bare start and end of the charm's Node.js, least of some. */
  readonly bareNode: number;
  /** Processor time of one dispatch with its commands, and of the supervisor meanwhile; means. */
  readonly cpu: { readonly user: number; readonly system: number; readonly supervisor: number };
  /** By unit: commands of one dispatch, and the longest time that commands took one after another. */
  readonly traces: Readonly<Record<string, { readonly commands: number; readonly chain: number }>>;
}

interface Run {
  readonly wall: number;
  readonly user: number;
  readonly system: number;
}

export async function measureHooks(concourse: Concourse, units: readonly string[], runs: number): Promise<HookFigures> {
  const all: Run[] = [];
  let bareNode = Infinity;
  const before = await supervisorTime(concourse);
  for (let i = 0; i < runs; i++) all.push(await timed(concourse, units[i % units.length] ?? "", DISPATCH));
  const supervisor = (await supervisorTime(concourse)) - before;
  for (let i = 0; i < 5; i++) {
    bareNode = Math.min(bareNode, (await timed(concourse, units[0] ?? "", "$CHARM_DIR/bin/node -e 0")).wall);
  }
  const traces: Record<string, { commands: number; chain: number }> = {};
  for (const unit of units) {
    const commands = await trace(concourse, unit);
    traces[unit] = { commands: commands.length, chain: longestChain(commands) };
  }
  const walls = all.map(({ wall }) => wall).toSorted((a, b) => a - b);
  const mean = (pick: (run: Run) => number): number => all.reduce((sum, run) => sum + pick(run), 0) / all.length;
  return {
    load: loadavg()[0] ?? 0,
    runs,
    median: walls[Math.floor(walls.length / 2)] ?? 0,
    min: walls[0] ?? 0,
    max: walls.at(-1) ?? 0,
    bareNode,
    cpu: { user: mean(({ user }) => user), system: mean(({ system }) => system), supervisor: supervisor / runs },
    traces,
  };
}

/** Times a command as bash does: with all its children. */
async function timed(concourse: Concourse, unit: string, command: string): Promise<Run> {
  const out = await concourse.inUnit(
    unit,
    `cd $CHARM_DIR; TIMEFORMAT='%3R %3U %3S'; { time ${command} >/dev/null 2>&1; } 2>&1`,
  );
  const [wall = 0, user = 0, system = 0] = out
    .trim()
    .split(" ")
    .map((seconds) => Number(seconds) * 1000);
  return { wall, user, system };
}

async function supervisorTime({ tool }: Concourse): Promise<number> {
  const stat = await readFile(`/proc/${await tool.supervisor()}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) / TICKS) * 1000;
}

/** One dispatch with a wrapper around every hook command that notes when it ran. */
async function trace(concourse: Concourse, unit: string): Promise<Command[]> {
  const script = `
    real=\${PATH%%:*} dir=$(mktemp -d)
    printf '#!/bin/bash\\nfrom=$EPOCHREALTIME\\n'"$real"'/\${0##*/} "$@"\\ncode=$?\\necho "\${0##*/} $from $EPOCHREALTIME" >>'"$dir"'/trace\\nexit $code\\n' >$dir/wrapper
    chmod +x $dir/wrapper
    for command in $real/*; do ln -s wrapper $dir/\${command##*/}; done
    cd $CHARM_DIR
    PATH=$dir:$PATH ${DISPATCH} >/dev/null
    cat $dir/trace
    rm -r $dir`;
  const lines = (await concourse.inUnit(unit, script)).trim().split("\n");
  const commands = lines.map((line) => {
    const [name = "", from = "", to = ""] = line.split(" ");
    return { name, from: Number(from) * 1000, to: Number(to) * 1000 };
  });
  const first = Math.min(...commands.map(({ from }) => from));
  return commands.map(({ name, from, to }) => ({ name, from: from - first, to: to - first }));
}

/** The most time that commands took which ran strictly one after another. */
export function longestChain(commands: readonly Command[]): number {
  const chains = new Map<Command, number>();
  for (const command of commands.toSorted((a, b) => a.from - b.from)) {
    const before = [...chains].filter(([other]) => other.to <= command.from).map(([, length]) => length);
    chains.set(command, Math.max(0, ...before) + command.to - command.from);
  }
  return Math.max(0, ...chains.values());
}

function table(figures: HookFigures): string {
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  const { cpu, traces } = figures;
  return [
    `A hook with nothing to do, ${figures.runs} runs, load ${figures.load.toFixed(1)}`,
    `  from spawn to exit   median ${ms(figures.median)}, min ${ms(figures.min)}, max ${ms(figures.max)}   (limit 200 ms)`,
    `  bare Node.js         ${ms(figures.bareNode)}`,
    `  processor time       user ${ms(cpu.user)}, system ${ms(cpu.system)}, supervisor ${ms(cpu.supervisor)}`,
    ...Object.entries(traces).map(
      ([unit, { commands, chain }]) => `  ${unit}: ${commands} hook commands, longest chain ${ms(chain)}`,
    ),
    "",
  ].join("\n");
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      units: { type: "string", default: "4" },
      runs: { type: "string", default: "20" },
      json: { type: "boolean", default: false },
    },
  });
  const tool = await Tool.create("bench-hook");
  try {
    const concourse = await deployConcourse(tool, { units: Number(values.units) });
    await concourse.ready();
    const figures = await measureHooks(concourse, Object.keys(await concourse.vitals()), Number(values.runs));
    process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : table(figures));
  } finally {
    await tool.remove();
  }
}
