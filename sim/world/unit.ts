/** One unit on its machine: the agent, the hooks of its charm, and Juju's agent that runs them one at a time. */
import { STATE_FILE, type AgentState } from "../../src/agent/contract.ts";
import { memberName } from "../../src/charm/facts.ts";
import { STORE_PATH } from "../../src/charm/orders.ts";
import { calledDamaged } from "../check/spoilt.ts";
import type { Disk } from "../disk/disk.ts";
import type { Machine } from "../disk/machine.ts";
import { Hook } from "../juju/hook.ts";
import { plainExec } from "../juju/plain-exec.ts";
import { candidates, ended } from "../juju/events.ts";
import type { JujuUnit } from "../juju/model.ts";
import { startAgent, type AgentRun } from "./agent-process.ts";
import { blankMemory, recall, type CharmMemory } from "./charm-memory.ts";
import { environmentOf, runCharm, type HookRun } from "./charm-run.ts";
import { isQuietInHook } from "./quiet.ts";
import { Dice } from "./random.ts";
import { Life } from "./scheduler.ts";
import { unitMachine } from "./unit-machine.ts";
import { Services } from "./services.ts";
import type { World } from "./world.ts";
import { committed } from "./committed.ts";

/** Juju tries a failed hook again after 5 s at first (internal/worker/uniter, retrystrategy). */
const RETRY_MS = 5_000;

export class SimUnit {
  readonly world: World;
  readonly juju: JujuUnit;
  readonly member: string;
  readonly machine: Machine;
  readonly memory: CharmMemory = blankMemory();
  readonly services: Services;
  /** Juju's own agent: which event comes next is its life's business. */
  readonly uniter: Life;
  readonly #dice: Dice;
  agent: AgentRun | null = null;
  run: HookRun | null = null;
  #asked = false;
  #tellsDamage = false;
  #stateText: string | null = null;
  #publicKey: string | null = null;
  /** False while its machine has no power. */
  up = true;
  /** The store is mounted so that the unit cannot write. */
  readonly readOnly: boolean;
  hooksRun = 0;

  constructor(world: World, juju: JujuUnit, number: number, readOnly: boolean) {
    this.readOnly = readOnly;
    this.world = world;
    this.juju = juju;
    this.member = memberName(environmentOf(juju, { name: "install", departing: null, ended: null }));
    this.#dice = new Dice(world.seed, `unit ${number}`);
    this.uniter = new Life(`${this.member} juju`);
    const now = () => world.scheduler.now();
    this.machine = unitMachine(this.member, 100 + number, now);
    if (world.shape.powerLoss) this.machine.disk.record();
    this.services = new Services({
      now,
      steady: () => world.scheduler.steady,
      later: (milliseconds, work) => world.scheduler.later(milliseconds, () => this.up && !juju.dead && work()),
      file: (path) => this.memory.files.get(path) ?? null,
      program: () => this.#program(),
      process: (service, pid, alive) => this.#process(service, pid, alive),
      agent: { start: () => (this.agent = startAgent(this, this.#dice)), kill: () => this.killAgent() },
    });
  }

  get name(): string {
    return this.juju.name;
  }

  /** The disk that is mounted where the store belongs. */
  mounted(): Disk | null {
    const { mount } = this.machine.walk(STORE_PATH);
    return mount.disk === this.machine.disk ? null : mount.disk;
  }

  /** The public half of the worker's key, as its agent has told it. */
  publicKey(): string | null {
    const text = this.machine.text(STATE_FILE);
    if (text !== this.#stateText) {
      this.#stateText = text;
      this.#publicKey = (JSON.parse(text ?? "{}") as Partial<AgentState>).workerPublicKey ?? null;
    }
    return this.#publicKey;
  }

  /** Everything of the unit that can be paused. */
  lives(): Life[] {
    return [this.agent?.life, this.run?.life].filter((life) => life !== undefined);
  }

  /** The link, followed: what a service started now would run. */
  #program(): string | null {
    const { current } = this.memory;
    const program = current === null ? null : this.machine.node(`${STORE_PATH}/releases/${current}/bin/concourse`);
    return program?.kind === "file" ? current : null;
  }

  #process(service: string, pid: number, alive: boolean): void {
    const sign = `/run/systemd/units/invocation:${service}`;
    if (alive) {
      this.machine.makeDirectories(`/proc/${pid}`);
      this.machine.plant(sign, "invocation");
    } else {
      this.machine.remove(`/proc/${pid}`);
      this.machine.remove(sign);
    }
  }

  /** Lets Juju's agent look whether there is something to run. */
  consider(): void {
    if (this.#asked || this.run !== null || !this.up || this.juju.dead) return;
    if (candidates(this.juju).length === 0) return;
    this.#asked = true;
    this.world.scheduler.soon(this.uniter, "dispatch", () => {
      this.#asked = false;
      if (this.run === null && this.up) this.#dispatch();
    });
  }

  #dispatch(): void {
    const { scheduler, shape } = this.world;
    const events = candidates(this.juju);
    const event = this.world.events.choose(this, events);
    if (event === null) return this.consider();
    if (event.exec !== null && !event.exec.script.startsWith("JUJU_DISPATCH_PATH=")) {
      event.begin();
      event.exec.answer(plainExec(this.juju, event.exec.script));
      return this.consider();
    }
    if (this.juju.pending !== event) event.begin();
    if (event.exec === null) this.juju.pending = event;
    const life = new Life(`${this.member} ${event.name}`);
    const process = this.machine.process("charm", (call) =>
      isQuietInHook(call) && !this.#dice.chance(shape.reads)
        ? undefined
        : scheduler.call(life, call.method, () => undefined),
    );
    const hook = new Hook({
      unit: this.juju,
      file: (path) => this.machine.text(path),
      secretId: () => this.#dice.uuid(),
    });
    this.run = { life, process, event, hook, began: this.world.scheduler.steady };
    void this.#runHook(this.run);
  }

  async #runHook(run: HookRun): Promise<void> {
    this.hooksRun += 1;
    if (run.event.name === "stop" || run.event.name === "remove") this.memory.stopped = true;
    const failure = await runCharm(this, run, this.#dice);
    const { followed } = this.memory;
    if (this.world.restored && (followed?.generation ?? 0) > (committed(this.juju.application)?.generation ?? 0))
      this.world.met("lowest generation met");
    await this.#end(run, failure);
  }

  /** A hook's words count if it ended well; those of a `juju-exec` in any case. */
  async #end({ life, process, event, hook, began }: HookRun, failure: unknown): Promise<void> {
    const { scheduler, checks } = this.world;
    await scheduler.call(life, "end", () => {
      if (hook.decides) this.world.storm.moment(this, "hook decides");
    });
    let committed = false;
    if (failure === null || event.exec !== null) {
      await scheduler.call(life, "commit secrets", () => {
        committed = hook.commitSecrets();
        if (hook.addsSecret) this.world.storm.moment(this, "between secret and commit");
      });
      await scheduler.call(life, "commit", () => {
        const before = committed;
        committed = committed && hook.commit();
        if (before && !committed) this.world.met("leader lost before its commit");
        if (committed && hook.decides) {
          if (hook.outlastsItsTerm) checks.generations.forget(this.juju.application);
          checks.generations.said(this.juju.application);
        }
        this.#lookForDamage();
      });
    }
    checks.hookEnded(this, failure, scheduler.steady - began);
    process.kill();
    this.run = null;
    if (event.exec !== null) {
      const well = committed && failure === null;
      event.exec.answer({ code: well ? 0 : 1, stdout: "", stderr: String(failure) });
    } else if (committed) {
      ended(this.juju, event);
    } else {
      // The unit is in error, and tries again.
      this.#asked = true;
      scheduler.later(RETRY_MS, () => {
        this.#asked = false;
        this.consider();
      });
    }
    this.world.jujuChanged(this);
  }

  #lookForDamage(): void {
    const damaged = calledDamaged(this);
    if (damaged.length > 0 && !this.#tellsDamage) this.world.met("damage met by a reader");
    this.#tellsDamage = damaged.length > 0;
    this.world.checks.damageTold(this, damaged);
  }

  killHook(): void {
    if (this.run === null) return;
    const { life, process, event } = this.run;
    this.world.scheduler.kill(life);
    process.kill();
    this.run = null;
    recall(this.memory, this.machine);
    event.exec?.answer({ code: 1, stdout: "", stderr: "killed" });
    this.consider();
  }

  killAgent(): void {
    if (this.agent === null) return;
    this.world.scheduler.kill(this.agent.life);
    this.world.network.downloads.delete(this.agent.life);
    this.agent.process.kill();
    this.agent = null;
  }

  /** What was not synced is there or is not, if the disk keeps a log. */
  powerOff(): void {
    this.up = false;
    this.killHook();
    this.services.powerOff();
    this.killAgent();
    if (this.machine.disk.log !== null) this.#forgetUnsynced();
    for (const exec of this.juju.execs.splice(0)) exec.answer({ code: 1, stdout: "", stderr: "" });
  }

  #forgetUnsynced(): void {
    const lost = this.machine.disk.powerLoss(() => this.#dice.fraction());
    if (lost > 0) this.world.met("power lost with unsynced local files");
    recall(this.memory, this.machine);
    this.world.checks.recalled(this);
  }

  powerOn(): void {
    if (this.up || this.juju.dead) return;
    this.up = true;
    this.machine.boot();
    this.services.powerOn();
    this.consider();
  }
}
