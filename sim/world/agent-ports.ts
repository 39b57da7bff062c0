/** What an agent awaits, answered by the world. */
import type { AgentPorts } from "../../src/agent/ports.ts";
import type { Exec, ExecResult } from "../../src/ports.ts";
import type { Process } from "../disk/process.ts";
import { simHash, simInflate } from "./archives.ts";
import { keyOf } from "./keys.ts";
import type { Dice } from "./random.ts";
import type { Life } from "./scheduler.ts";
import type { SimUnit } from "./unit.ts";

/** An RSA key takes that long. */
/** Webs look for builds to follow that often. */
const TRACKED_MS = 10_000;
const KEY_MS = 1_500;

export function agentPorts(unit: SimUnit, life: Life, process: Process, dice: Dice): AgentPorts {
  const { scheduler, network, checks } = unit.world;
  return {
    fs: process.fs,
    lock: process.lock,
    http: network.httpOf(life),
    inflate: simInflate(() => scheduler.call(life, "inflate", () => undefined)),
    hash: simHash,
    exec: { run: (argv) => run(unit, life, argv) },
    clock: {
      now: () => scheduler.now(),
      steady: () => scheduler.steady,
      sleep: (milliseconds, signal) => scheduler.sleep(life, milliseconds, signal),
    },
    random: randomOf(dice),
    watch: (directory, changed) => process.watch(directory, changed),
    keys: {
      rsa: async () => {
        await scheduler.sleep(life, KEY_MS);
        return keyOf(dice.below(1_000));
      },
      passwordHash: (password) => scheduler.call(life, "hash password", () => `$2b$10$${password.length}`),
    },
    database: {
      prepare: ({ hosts: [first] }) =>
        scheduler.call(life, "database", () => ({
          ready: true,
          host: first?.host ?? "",
          port: first?.port ?? 0,
          problem: null,
        })),
      lastTracked: () => scheduler.call(life, "database", () => String(Math.floor(scheduler.steady / TRACKED_MS))),
    },
    preflight: () => scheduler.call(life, "preflight", () => ({ installing: null, lacks: [] })),
    tryWorker: () => scheduler.call(life, "try worker", () => undefined),
    log: (line) => checks.logged(unit, line),
  };
}

export function randomOf(dice: Dice): AgentPorts["random"] {
  return {
    uuid: () => dice.uuid(),
    bytes: (count) => Uint8Array.from({ length: count }, () => dice.below(256)),
    fraction: () => dice.fraction(),
  };
}

/** `systemctl` answers at once, `juju-exec` takes its turn among the unit's hooks. */
function run(unit: SimUnit, life: Life, argv: Parameters<Exec["run"]>[0]): Promise<ExecResult> {
  const { scheduler } = unit.world;
  if (argv[0] === "systemctl") {
    const names = argv.slice(argv.indexOf("--") + 1);
    const show = () => ({ code: 0, signal: null, stdout: unit.services.show(names), stderr: "" });
    return scheduler.call(life, "systemctl", show);
  }
  return new Promise((resolve) => {
    void scheduler.call(life, "juju-exec", () => {
      const answer = (result: { code: number; stdout: string; stderr: string }): void =>
        void scheduler.call(life, "juju-exec ends", () => resolve({ signal: null, ...result }));
      unit.juju.execs.push({ script: argv.at(-1) ?? "", answer });
      unit.consider();
    });
  });
}
