/** All machines and unit agents of a model, kept as the state says they should be. */

import { UserError } from "../../errors.ts";
import type { Machine, MachineKind } from "../../machines/machine.ts";
import type { LiveModel } from "./live-model.ts";
import { MachineKeeper } from "./machine-keeper.ts";
import { UnitAgent } from "./unit-agent.ts";
import { disksLeft, machineDisks, unitDisks, unitsOn } from "./unit-disks.ts";

export class Fleet {
  readonly #model: LiveModel;
  readonly #kind: MachineKind;
  readonly #keepers = new Map<string, MachineKeeper>();
  readonly #agents = new Map<string, UnitAgent>();
  /** Machines on their way out. */
  readonly #leaving = new Set<string>();
  #closing = false;

  constructor(model: LiveModel, kind: MachineKind) {
    this.#model = model;
    this.#kind = kind;
  }

  /** Brings machines and agents in line with the state, and lets every unit do its next thing. */
  reconcile(): void {
    if (this.#closing) return;
    const { data } = this.#model.state;
    for (const [id, machine] of Object.entries(data.machines)) {
      if (this.#isPlayed(id)) this.#play(id, machine.life);
      else if (machine.life === "dead") this.#retire(id);
      else if (!this.#keepers.has(id)) this.#add(id);
      else this.#board(id);
    }
    for (const [unit, agent] of this.#agents) {
      if (data.units[unit] === undefined) this.#forget(unit, agent);
      else agent.pump();
    }
    for (const id of this.#model.state.rebootsRequested()) this.#reboot(id);
  }

  agent(unit: string): UnitAgent | undefined {
    return this.#agents.get(unit);
  }

  agents(): UnitAgent[] {
    return [...this.#agents.values()];
  }

  /** Units on the machine with this address. */
  unitsAt(address: string): string[] {
    const { data } = this.#model.state;
    return Object.values(data.units)
      .filter((unit) => data.machines[unit.machine]?.address === address)
      .map((unit) => unit.name);
  }

  /** @throws UserError if the model has no such machine of ours. */
  keeper(id: string): MachineKeeper {
    const keeper = this.#keepers.get(id);
    if (keeper !== undefined) return keeper;
    const played = this.#model.state.data.machines[id] !== undefined;
    throw played
      ? new UserError(`machine ${id} has no machine behind it: the model itself plays what is there`)
      : new UserError(`machine ${id} not found`, "List them with: concourse-machine status");
  }

  /** Machines that hold units of an application. */
  keepersOf(application: string): MachineKeeper[] {
    const machines = new Set(
      Object.values(this.#model.state.data.units)
        .filter((unit) => unit.application === application)
        .map((unit) => unit.machine),
    );
    return [...this.#keepers.values()].filter((keeper) => machines.has(keeper.id));
  }

  /** Ends every machine and what is in it; nothing is left of them on the host. */
  async destroy(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.destroy()));
  }

  /** A machine whose units are played by plug-ins is none: its address is the model's own. */
  #isPlayed(id: string): boolean {
    const { data } = this.#model.state;
    const unit = Object.values(data.units).find((candidate) => candidate.machine === id);
    return unit !== undefined && this.#charmOf(unit.application)?.channel !== null;
  }

  #charmOf(application: string) {
    const { data } = this.#model.state;
    return data.charms[data.applications[application]?.charm ?? ""]?.info;
  }

  #play(id: string, life: "alive" | "dead"): void {
    const { state, network, record } = this.#model;
    if (life === "dead") return state.machineGone(id);
    if (state.data.machines[id]?.address !== network.address) {
      const hostname = `juju-${record.short}-${id}`;
      const running = { status: "started", message: "Running" } as const;
      const change = { ...running, address: network.address, instanceId: hostname, hostname };
      state.setMachine(id, change, this.#model.now());
    }
    for (const unit of unitsOn(this.#model, id)) {
      if (state.data.units[unit]?.agent.connected === true) continue;
      state.agentStarted(unit, this.#model.now(), { rebooted: false });
      this.#model.changed();
    }
  }

  #add(id: string): void {
    const keeper = new MachineKeeper(this.#model, this.#kind, id, () => machineDisks(this.#model, id), {
      up: (machine) => this.#connect(id, machine),
      stopping: () => this.#agentsOn(id).forEach((agent) => agent.pause()),
      down: async (how) => void (await Promise.all(this.#agentsOn(id).map((agent) => agent.disconnect(how)))),
    });
    this.#keepers.set(id, keeper);
    if (!this.#model.record.stopped.includes(id)) void keeper.start();
  }

  /** Units that were placed on a machine which is up already, or could not be reached when it came up. */
  #board(id: string): void {
    const keeper = this.#keepers.get(id);
    if (keeper?.usable !== true) return;
    if (unitsOn(this.#model, id).some((unit) => (this.#agents.get(unit)?.machine ?? null) === null))
      void keeper.board();
  }

  async #connect(id: string, machine: Machine): Promise<void> {
    for (const unit of unitsOn(this.#model, id)) {
      const agent = this.#agents.get(unit) ?? new UnitAgent(this.#model, unit);
      this.#agents.set(unit, agent);
      if (agent.machine !== null) continue;
      await this.#plugIn(unit, machine);
      await agent.connect(machine);
    }
  }

  /** A unit that joins others brings the disks that the machine was not booted with. */
  async #plugIn(unit: string, machine: Machine): Promise<void> {
    const { units } = this.#model.state.data;
    if (units[unit]?.agent.everStarted === true) return;
    const others = unitsOn(this.#model, machine.id).filter((other) => units[other]?.agent.everStarted === true);
    if (others.length === 0) return;
    const there = new Set(others.flatMap((other) => unitDisks(this.#model, other)).map(({ name }) => name));
    for (const disk of unitDisks(this.#model, unit)) if (!there.has(disk.name)) await machine.attach(disk);
  }

  #agentsOn(id: string): UnitAgent[] {
    return unitsOn(this.#model, id).flatMap((unit) => this.#agents.get(unit) ?? []);
  }

  #retire(id: string): void {
    if (this.#leaving.has(id)) return;
    this.#leaving.add(id);
    void this.#remove(id);
  }

  async #remove(id: string): Promise<void> {
    const { state, record } = this.#model;
    try {
      await this.#keepers.get(id)?.destroy();
    } catch (error) {
      this.#model.note("ERROR", `machine-${id}`, (error as Error).message);
    }
    this.#keepers.delete(id);
    this.#leaving.delete(id);
    record.stopped = record.stopped.filter((stopped) => stopped !== id);
    state.machineGone(id);
    this.#model.changed();
  }

  /** The unit is gone; by force, it may have left a hook or an action running. */
  #forget(unit: string, agent: UnitAgent): void {
    const { machine } = agent;
    agent.end();
    this.#agents.delete(unit);
    this.#clear(unit, machine);
    delete this.#model.record.unpacked[unit];
  }

  /** A machine that others are on stays: the unit's files and disks go as with Juju. */
  #clear(unit: string, machine: string | null): void {
    if (machine === null || this.#model.state.data.machines[machine]?.life !== "alive") return;
    const needed = new Set(machineDisks(this.#model, machine).map(({ name }) => name));
    const disks = disksLeft(this.#model, unit).filter((name) => !needed.has(name));
    void this.#keepers.get(machine)?.clear(unit, disks);
  }

  #reboot(id: string): void {
    if (this.#leaving.has(id)) return;
    this.#leaving.add(id);
    this.keeper(id)
      .reboot()
      .finally(() => this.#leaving.delete(id));
  }
}
