/** The process of a unit's agent: production code on ports at which the seed decides who goes on. */
import { serveUnit } from "../../src/agent/agent.ts";
import { NEW_CLUSTER_SECRET_FILE, ORDERS_FILE, STATE_FILE, WORKER_KEY_FILE } from "../../src/agent/contract.ts";
import { STORE_PATH } from "../../src/charm/orders.ts";
import { leasesOf } from "../check/leases.ts";
import type { Call, Process } from "../disk/process.ts";
import { agentPorts } from "./agent-ports.ts";
import { isQuiet } from "./quiet.ts";
import { Moments } from "./moments.ts";
import type { Dice } from "./random.ts";
import { Life } from "./scheduler.ts";
import type { SimUnit } from "./unit.ts";

const PLACES = {
  orders: ORDERS_FILE,
  state: STATE_FILE,
  clusterSecret: NEW_CLUSTER_SECRET_FILE,
  workerKey: WORKER_KEY_FILE,
};

export interface AgentRun {
  readonly life: Life;
  readonly process: Process;
}

export function startAgent(unit: SimUnit, dice: Dice): AgentRun {
  const { scheduler, checks, shape, mutation, program } = unit.world;
  const life = new Life(`${unit.member} agent`);
  const moments = new Moments();
  const leases = () => leasesOf(unit.mounted() ?? unit.machine.disk).map(({ file }) => file);
  const process = unit.machine.process("agent", (call) => {
    const moment = moments.of(call);
    if (takesOver(call, unit)) unit.world.met("download taken over by another unit");
    if (moment !== null) unit.world.storm.moment(unit, moment);
    const looks = checks.looks.isOne(life, call);
    const happens = () => (looks ? checks.looks.happens(life, leases()) : undefined);
    if (isQuiet(call) && !dice.chance(shape.reads)) return happens();
    return scheduler.call(life, `${call.method} ${call.path}`, happens);
  });
  const ports = mutation.ports(agentPorts(unit, life, process, dice), unit);
  const lock = checks.locks.watched(ports.lock, life);
  void serveUnit({ ...ports, lock }, { places: PLACES, program }, new AbortController().signal);
  return { life, process };
}

function takesOver({ method, path }: Call, { member }: SimUnit): boolean {
  return method === "rename" && path.startsWith(`${STORE_PATH}/partial/`) && !path.includes(`.${member}.`);
}
