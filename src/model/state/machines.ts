/** Machines as the controller sees them. Juju 3.6: state/machine.go, state/unit.go. */
import { UserError } from "../../errors.ts";
import type { Core, MachineRow } from "./data.ts";
import { isPlayed, setWorkload, status } from "./rows.ts";
import { refreshAddresses } from "./scopes.ts";
import type { MachineChange, StatusValue } from "./types.ts";

export function addMachine(core: Core, base: string, now: number): string {
  const id = String(core.data.sequences.machine++);
  core.data.machines[id] = {
    id,
    life: "alive",
    agent: status("pending", "", now),
    instance: status("pending", "", now),
    address: "",
    instanceId: "",
    hostname: "",
    base,
    rebootRequested: false,
  };
  core.changed();
  return id;
}

export function setMachine(core: Core, id: string, change: MachineChange, now: number): void {
  const machine = machineNamed(core, id);
  const before = JSON.stringify(machine);
  machine.agent = moved(machine.agent, change.status ?? machine.agent.current, machine.agent.message, now);
  const instance = { started: "running", pending: "allocating" }[String(change.status)] ?? machine.instance.current;
  machine.instance = moved(machine.instance, instance, change.message ?? machine.instance.message, now);
  machine.address = change.address ?? machine.address;
  machine.instanceId = change.instanceId ?? machine.instanceId;
  machine.hostname = change.hostname ?? machine.hostname;
  machine.base = change.base ?? machine.base;
  if (JSON.stringify(machine) === before) return;
  core.changed();
  tellUnits(core, machine, now);
}

function moved(old: StatusValue, current: string, message: string, now: number): StatusValue {
  return old.current === current && old.message === message ? old : status(current, message, now);
}

function tellUnits(core: Core, machine: MachineRow, now: number): void {
  for (const unit of Object.values(core.data.units)) {
    if (unit.machine !== machine.id) continue;
    if (isPlayed(core.data, unit.application)) refreshAddresses(core, unit);
    else if (machine.agent.current === "started" && !unit.agent.everStarted) {
      setWorkload(core, unit, "waiting", "installing agent", now);
    }
  }
}

/** A machine without units goes; whoever runs it says when it is gone. */
export function retireMachine(core: Core, id: string, now: number): void {
  const machine = machineNamed(core, id);
  if (Object.values(core.data.units).some((unit) => unit.machine === id)) return;
  machine.life = "dead";
  machine.agent = status("stopped", "", now);
  machine.rebootRequested = false;
  core.changed();
}

export function machineGone(core: Core, id: string): void {
  const machine = machineNamed(core, id);
  if (machine.life === "alive") throw new UserError(`machine ${id} is not dead`);
  delete core.data.machines[id];
  core.changed();
}

function machineNamed(core: Core, id: string): MachineRow {
  const machine = core.data.machines[id];
  if (machine === undefined) throw new UserError(`machine ${id} not found`);
  return machine;
}
