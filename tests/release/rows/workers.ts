/** Workers: how they come, and the four ways in which they go. */

import { APPLICATION, WEB, WORKER } from "../../e2e/concourse.ts";
import { Survivor } from "../../e2e/survival.ts";
import { holds, type Row } from "../row.ts";
import { seconds, until, type World } from "../world.ts";

export const registration: Row = {
  id: "workers-register",
  name: "Workers register, and list the resource types of the release",
  async run(world) {
    const [first] = await world.workerUnits();
    holds(first !== undefined, "no unit runs a worker");
    const there = await world.concourse.inUnit(first.unit, "ls /opt/concourse/current/resource-types");
    const wanted = there.trim().split(/\s+/).toSorted();
    const listed = await world.workers();
    for (const { name } of await world.workerUnits()) {
      const worker = listed.find((candidate) => candidate.name === name);
      holds(worker?.state === "running", `${name} is ${worker?.state ?? "not listed"}`);
      const types = (worker.resource_types ?? []).map(({ type }) => type).toSorted();
      holds(`${types}` === `${wanted}`, `${name} lists ${types.join(" ")} of ${wanted.join(" ")}`);
    }
    return `${listed.length} workers of version ${listed[0]?.version}: ${wanted.join(", ")}`;
  },
};

export const newKey: Row = {
  id: "key-by-sighup",
  name: "A new worker's key is taken up by SIGHUP: it registers, and the web's process stays",
  async run(world) {
    const { web } = await world.concourse.roles();
    const before = await world.concourse.mainPid(web, WEB);
    const known = await world.concourse.units();
    const began = performance.now();
    const { tool } = world.concourse;
    await tool.ok("add-unit", "-m", tool.model, APPLICATION);
    await until("the unit is there", 60, async () => (await world.concourse.units()).length > known.length);
    await world.settled();
    holds((await world.concourse.mainPid(web, WEB)) === before, "the web was started again");
    return `registered ${seconds(began)} s after add-unit`;
  },
};

interface Going {
  readonly unit: string;
  readonly name: string;
}

/** What happens to one of the workers, whose machine runs it again afterwards. */
async function goes(world: World, index: number, act: (worker: Going) => Promise<string>): Promise<string> {
  const worker = (await world.workerUnits())[index];
  holds(worker !== undefined, `fewer than ${index + 1} workers`);
  const seen = await act(worker);
  await until(`${worker.name} runs again`, 120, async () => (await world.stateOf(worker.name)) === "running");
  return seen;
}

/** Sends it a signal, and waits until the API shows what follows. Tells when its process has ended, which must be well. */
async function told(world: World, { unit, name }: Going, signal: string, then: string | null): Promise<string> {
  const pid = await world.concourse.mainPid(unit, WORKER);
  const since = (await world.concourse.inUnit(unit, "date +%s")).trim();
  const began = performance.now();
  let followed = 0;
  const ended = until(`the process of ${name} ends`, 180, async () => {
    if (followed === 0 && (await world.stateOf(name)) === then) followed = seconds(began);
    return (await world.concourse.mainPid(unit, WORKER)) !== pid;
  });
  await world.concourse.inUnit(unit, `kill -${signal} ${pid}`);
  const after = await ended;
  holds(followed > 0, `${name} was never ${then ?? "off the list"}`);
  const journal = `journalctl --unit=${WORKER} --since=@${since} --output=cat --no-pager`;
  const lines = await world.concourse.inUnit(unit, journal);
  holds(lines.includes("Deactivated successfully"), "it did not end with 0");
  return `${then ?? "off the list"} after ${followed} s, exit 0 after ${after} s`;
}

export const land: Row = {
  id: "land",
  group: "goes",
  name: "SIGUSR1 lands an idle worker, which ends with 0; started again, it runs",
  run: (world) => goes(world, 0, (worker) => told(world, worker, "USR1", "landed")),
};

export const retire: Row = {
  id: "retire",
  group: "goes",
  name: "SIGUSR2 retires an idle worker, which is off the list and ends with 0; started again, it runs",
  run: (world) => goes(world, 1, (worker) => told(world, worker, "USR2", null)),
};

export const stall: Row = {
  id: "stall-and-prune",
  group: "goes",
  name: "A worker whose machine is gone stalls, and is pruned then and not before; with its machine it comes back",
  run: (world) =>
    goes(world, 2, async ({ unit, name }) => {
      const prune = () => world.ask(`/api/v1/workers/${encodeURIComponent(name)}/prune`, { method: "PUT" });
      const early = await prune();
      holds(early.status === 400, `prune of a running worker answered ${early.status}`);
      const machines = new Survivor(world.concourse);
      const began = performance.now();
      await machines.machine("kill", unit);
      try {
        await until(`${name} is stalled`, 180, async () => (await world.stateOf(name)) === "stalled");
        const after = seconds(began);
        const late = await prune();
        holds(late.status === 200, `prune of a stalled worker answered ${late.status}`);
        holds((await world.stateOf(name)) === null, "still listed after prune");
        return `stalled after ${after} s; prune answers 400 before, 200 then`;
      } finally {
        await machines.machine("start", unit);
      }
    }),
};
