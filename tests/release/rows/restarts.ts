/** Builds that run while what runs them is started again. */

import { AGENT, WEB, WORKER } from "../../e2e/concourse.ts";
import { whileBuildsRun } from "../running.ts";
import { holds, type Row } from "../row.ts";
import { seconds, until, type World } from "../world.ts";
import { AIM, BOUND, restartWeb } from "./web.ts";

export const hijack: Row = {
  id: "hijack",
  name: "`fly intercept` runs a command in a build's container",
  builds: true,
  async run(world) {
    const fly = await world.fly();
    return whileBuildsRun(world, "hijack", 1, async () => {
      const said = await fly.ok(
        "intercept",
        "-j",
        "hijack/job-1",
        "-b",
        "1",
        "-s",
        "count",
        "--",
        "sh",
        "-c",
        "id -u; ls",
      );
      holds(/0\s+made/.test(said), said);
      return "user 0, the task's directory";
    });
  },
};

const RESTARTS = 10;

export const webs: Row = {
  id: "web-restarts",
  name: `Ten restarts of the web with an open \`fly watch\`: the API is away for some seconds each time (aim: ${AIM} s), builds go on`,
  builds: true,
  limit: 900,
  run: (world) =>
    whileBuildsRun(world, "webs", 2, async (builds) => {
      const away: number[] = [];
      for (let i = 0; i < RESTARTS; i++) {
        away.push(await restartWeb(world));
        await builds.countOn();
      }
      holds(Math.max(...away) <= BOUND, `the API was away for ${away.join(", ")} s`);
      return `away for ${away.join(", ")} s`;
    }),
};

export const agents: Row = {
  id: "agent-restart",
  name: "Builds survive a restart of every agent",
  builds: true,
  run: (world) =>
    whileBuildsRun(world, "agents", 2, async () => {
      for (const unit of await world.concourse.units())
        await world.concourse.inUnit(unit, `systemctl restart ${AGENT}`);
      await world.settled();
      return "all agents restarted";
    }),
};

export const worker: Row = {
  id: "worker-restart",
  name: "Builds survive a restart of every worker",
  limit: 600,
  builds: true,
  run: (world) =>
    whileBuildsRun(world, "workers", 3, async (builds) => {
      for (const { unit } of await world.workerUnits()) {
        await world.concourse.inUnit(unit, `systemctl restart ${WORKER}`);
        await world.settled();
      }
      await builds.countOn();
      return "all workers restarted, one after the other";
    }),
};

/** Mounts below the work directory: in the machine, and in the worker's own namespace. */
async function mounts(world: World, unit: string): Promise<{ readonly machine: number; readonly worker: number }> {
  const count = (file: string): string => `grep -c ' /var/lib/concourse-worker/' ${file} || true`;
  const pid = await world.concourse.mainPid(unit, WORKER);
  const text = await world.concourse.inUnit(unit, `${count("/proc/1/mountinfo")}; ${count(`/proc/${pid}/mountinfo`)}`);
  const [machine = 0, own = 0] = text.trim().split(/\s+/).map(Number);
  return { machine, worker: own };
}

async function restartWorker(world: World, unit: string): Promise<void> {
  const before = await world.concourse.mainPid(unit, WORKER);
  await world.concourse.inUnit(unit, `systemctl restart ${WORKER}`);
  holds((await world.concourse.mainPid(unit, WORKER)) !== before, "the worker was not started again");
  const health = "curl -sf -o /dev/null http://127.0.0.1:8888/";
  await until("the worker is well", 120, async () => (await world.concourse.run(unit, health)).code === 0);
}

export const manyRestarts: Row = {
  id: "worker-mounts",
  name: "Restarts of a worker with volumes and a running build: its mounts do not become more, the build goes on",
  builds: true,
  limit: 3600,
  run: (world) =>
    whileBuildsRun(world, "mounts", 3, async (builds) => {
      const units = await world.workerUnits();
      const counts = await Promise.all(units.map(({ unit }) => mounts(world, unit)));
      const most = counts.reduce((best, { worker: own }, i) => (own > (counts[best]?.worker ?? 0) ? i : best), 0);
      const { unit } = units[most] ?? { unit: "" };
      const seen = [counts[most] ?? { machine: 0, worker: 0 }];
      holds((seen[0]?.worker ?? 0) > 0, "no worker has a volume");
      for (let i = 0; i < world.options.restarts; i++) {
        await restartWorker(world, unit);
        seen.push(await mounts(world, unit));
      }
      await world.settled();
      await builds.countOn();
      const told = `${world.options.restarts} restarts; mounts in the machine ${span(seen.map(({ machine }) => machine))}, in the worker's namespace ${span(seen.map(({ worker: own }) => own))}`;
      // Volumes of checks come and go meanwhile.
      const [first, last] = [seen[0], seen.at(-1)];
      holds(
        (last?.machine ?? 0) <= (first?.machine ?? 0) + 10 && (last?.worker ?? 0) <= (first?.worker ?? 0) + 10,
        told,
      );
      return told;
    }),
};

const span = (values: readonly number[]): string => `${values[0]} → ${values.at(-1)} (at most ${Math.max(...values)})`;

/** When a service was last ended and started, in seconds of the clock that all machines of this host share. */
async function lastRestart(world: World, unit: string, service: string): Promise<{ from: number; to: number }> {
  const properties = "ActiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic";
  const text = await world.concourse.inUnit(unit, `systemctl show --property=${properties} ${service}`);
  const at = (name: string): number => Number(new RegExp(`${name}TimestampMonotonic=(\\d+)`).exec(text)?.[1]) / 1e6;
  return { from: at("ActiveExit"), to: at("ActiveEnter") };
}

export const logLevel: Row = {
  id: "log-level",
  name: "A changed `log-level` with builds running: the web first, then one worker at a time, and no build is lost",
  builds: true,
  limit: 600,
  run: (world) =>
    whileBuildsRun(world, "options", 3, async (builds) => {
      const { web, workers } = await world.concourse.roles();
      const services = [[web, WEB], ...workers.map((unit) => [unit, WORKER])] as const;
      const pids = (): Promise<number[]> =>
        Promise.all(services.map(([unit = "", service = ""]) => world.concourse.mainPid(unit, service)));
      const before = await pids();
      const began = performance.now();
      await world.concourse.configure({ "log-level": "debug" });
      try {
        await until("web and workers were started again", 300, async () =>
          (await pids()).every((pid, i) => pid > 0 && pid !== before[i]),
        );
        const took = seconds(began);
        await world.settled();
        await builds.countOn();
        const times = await Promise.all(services.map(([unit = "", service = ""]) => lastRestart(world, unit, service)));
        const [first, ...rest] = times;
        const inTurn = rest.toSorted((a, b) => a.from - b.from);
        const told = [first, ...inTurn]
          .map((time) => `${((time?.from ?? 0) - (first?.from ?? 0)).toFixed(1)} s`)
          .join(", ");
        const turns = inTurn.every(({ from }, i) => from >= ((i === 0 ? first : inTurn[i - 1])?.to ?? 0));
        holds(turns, `ended after one another, in seconds from the first: ${told}`);
        return `all restarted within ${took} s; web and workers ended after ${told}`;
      } finally {
        await world.concourse.configure({ "log-level": "info" });
        await world.settled();
      }
    }),
};
