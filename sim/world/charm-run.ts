/** One run of the charm for one event: the production reconcile between the controller's commands and the machine. */
import { reconcile } from "../../src/charm/reconcile.ts";
import type { HookEnvironment } from "../../src/juju/environment.ts";
import { HookTools } from "../../src/juju/hook-tools.ts";
import type { Process } from "../disk/process.ts";
import type { Hook } from "../juju/hook.ts";
import type { JujuEvent } from "../juju/events.ts";
import type { JujuUnit } from "../juju/model.ts";
import { randomOf } from "./agent-ports.ts";
import { charmMachine } from "./charm-machine.ts";
import type { Dice } from "./random.ts";
import type { Life } from "./scheduler.ts";
import type { SimUnit } from "./unit.ts";

const READS = new Set(["config-get", "relation-ids", "relation-list", "relation-get", "status-get", "opened-ports"]);

export interface HookRun {
  readonly life: Life;
  readonly process: Process;
  readonly event: JujuEvent;
  readonly hook: Hook;
  readonly began: number;
}

export function environmentOf(
  { application, name }: JujuUnit,
  event: Pick<JujuEvent, "name" | "departing" | "ended">,
): HookEnvironment {
  return {
    unit: name,
    application: application.name,
    modelUuid: application.model,
    charmDirectory: "/var/lib/juju/agents/unit/charm",
    event: { kind: "hook", name: event.name },
    departingUnit: event.departing,
    endedRelation: event.ended,
    proxies: { http: null, https: null, none: null },
  };
}

/** What made it fail; null if nothing did. */
export async function runCharm(unit: SimUnit, { life, process, event, hook }: HookRun, dice: Dice): Promise<unknown> {
  const { scheduler, checks, mutation, shape } = unit.world;
  const tools = new HookTools(async (argv, stdin) => {
    const [command = ""] = argv;
    // A hook reads much, and mostly what nobody changes meanwhile.
    const yields = !READS.has(command) || dice.chance(shape.reads);
    return yields ? scheduler.call(life, command, () => hook.run(argv, stdin)) : hook.run(argv, stdin);
  }, event.ended);
  const machine = charmMachine({
    unit: unit.name,
    member: unit.member,
    disk: unit.machine,
    memory: unit.memory,
    services: unit.services,
    program: () => unit.world.program,
    pause: (what) => {
      if (what === "swap link") unit.world.storm.moment(unit, "before the link jumps");
      return scheduler.call(life, what, () => undefined);
    },
    ports: { fs: process.fs, random: randomOf(dice) },
    followed: (cluster) => checks.generations.followed(unit, cluster),
    linked: (release) => checks.linked(unit, release),
    served: (service, verb) => checks.restarts.served(unit, service, verb),
  });
  try {
    await reconcile(environmentOf(unit.juju, event), tools, mutation.machine(machine, unit));
    return null;
  } catch (error) {
    return error;
  }
}
