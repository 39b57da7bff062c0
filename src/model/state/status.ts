/** The tree behind `juju status`. Juju 3.6: apiserver/facades/client/client/status.go, cmd/juju/status/formatter.go. */
import { byProtocol, portText } from "./agent/ports.ts";
import { type ApplicationRow, type Core, type ModelData, type RelationRow, type UnitRow } from "./data.ts";
import { jujuOf } from "./juju-line.ts";
import { asBytes, naturally, sortedRecord } from "./names.ts";
import { charmOf, existing, isLeader, machineOf, status, unitsOf } from "./rows.ts";
import { isPeer, nearEndpoint, relationsOf, remoteApplication } from "./scopes.ts";
import type {
  ApplicationStatus,
  MachineStatus,
  RelationStatus,
  StatusData,
  StatusValue,
  StorageStatus,
  UnitStatus,
} from "./types.ts";

export function statusOf(data: ModelData, now: number): StatusData {
  return {
    now,
    model: {
      name: data.name,
      uuid: data.uuid,
      type: "iaas",
      controller: "local",
      cloud: "localhost",
      region: "localhost",
      version: jujuOf(data).version,
      sla: jujuOf(data).sla,
      status: status("available", "", data.created),
    },
    applications: sortedRecord(map(data.applications, (application) => applicationStatus(data, application))),
    machines: sortedRecord(map(data.machines, (machine) => machineStatus(data, machine))),
    relations: Object.values(data.relations)
      .map((relation) => relationStatus(data, relation))
      .toSorted(byEnds),
    storage: Object.values(data.units).flatMap(storageStatus),
  };
}

function map<A, B>(record: Readonly<Record<string, A>>, make: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, make(value)]));
}

function applicationStatus(data: ModelData, application: ApplicationRow): ApplicationStatus {
  const { url, revision, info } = charmOf(data, application);
  const units = unitsOf(data, application.name);
  const local = info.channel === null;
  return {
    charm: local ? url : info.name,
    charmName: info.name,
    charmOrigin: local ? "local" : "charmhub",
    charmRevision: revision,
    charmChannel: info.channel ?? "",
    charmVersion: info.version,
    charmProfile: info.profile === null ? "" : profileName(data, application, revision),
    base: baseOf(application.base),
    exposed: application.exposed,
    life: application.life,
    status: applicationWorkload(data, application),
    version: application.version,
    relations: relatedApplications(data, application),
    endpointBindings: Object.fromEntries(["", ...Object.keys(info.endpoints)].map((name) => [name, "alpha"])),
    units: Object.fromEntries(units.map((unit) => [unit.name, unitStatus(data, unit)])),
  };
}

/** `juju-<model>-<short uuid>-<application>-<revision>` (Juju 3.6, core/lxdprofile/name.go). */
function profileName(data: ModelData, application: ApplicationRow, revision: number): string {
  return `juju-${data.name}-${data.uuid.slice(0, 6)}-${application.name}-${revision}`;
}

function baseOf(base: string): { name: string; channel: string } {
  const [name = "", channel = ""] = base.split("@");
  return { name, channel };
}

function relatedApplications(data: ModelData, application: ApplicationRow): ApplicationStatus["relations"] {
  const related: Record<string, { application: string; interface: string; scope: "global" }[]> = {};
  for (const relation of relationsOf(data, application.name)) {
    const { name } = nearEndpoint(relation, application.name);
    const other = remoteApplication(relation, application.name);
    (related[name] ??= []).push({ application: other, interface: relation.interface, scope: "global" });
  }
  for (const entries of Object.values(related)) entries.sort((a, b) => asBytes(a.application, b.application));
  return sortedRecord(related);
}

/** Worst first (Juju 3.6, core/status/status.go statusSeverities). */
const SEVERITIES: readonly string[] = ["error", "blocked", "maintenance", "waiting", "active", "terminated", "unknown"];

/** What the leader said, else the worst of the units. */
export function applicationWorkload(data: ModelData, application: ApplicationRow): StatusValue {
  if (application.status !== null) return application.status;
  const severity = ({ current }: StatusValue) => {
    const index = SEVERITIES.indexOf(current);
    return index === -1 ? SEVERITIES.length : index;
  };
  const workloads = unitsOf(data, application.name).map((unit) => unitWorkload(unit));
  const worst = workloads.toSorted((a, b) => severity(a) - severity(b))[0];
  return worst ?? status("unknown", "", data.created);
}

/** A hook error shows as the workload's, the agent then as idle (Juju 3.6, state/unitagent.go). */
export function unitWorkload(unit: UnitRow): StatusValue {
  if (unit.agentStatus.current === "error") return unit.agentStatus;
  if (isLost(unit)) {
    return status("unknown", `agent lost, see 'juju show-status-log ${unit.name}'`, unit.workload.since);
  }
  return unit.workload;
}

function isLost({ agent }: UnitRow): boolean {
  return agent.everStarted && !agent.connected;
}

function unitAgent(unit: UnitRow): StatusValue {
  if (isLost(unit)) return status("lost", "agent is not communicating with the server", unit.agentStatus.since);
  const { current, since } = unit.agentStatus;
  return current === "error" ? status("idle", "", since) : unit.agentStatus;
}

function unitStatus(data: ModelData, unit: UnitRow): UnitStatus {
  return {
    workload: unitWorkload(unit),
    agent: { ...unitAgent(unit), version: unit.agent.everStarted ? jujuOf(data).version : "" },
    life: unit.life,
    leader: isLeader(data, unit),
    machine: unit.machine,
    ports: [...new Set(unit.ports.toSorted(byProtocol).map(portText))],
    address: machineOf(data, unit).address,
  };
}

function machineStatus(data: ModelData, machine: ModelData["machines"][string]): MachineStatus {
  const started = machine.agent.current !== "pending";
  return {
    agent: { ...machine.agent, version: started ? jujuOf(data).version : "" },
    instance: machine.instance,
    hostname: machine.hostname,
    address: machine.address,
    instanceId: machine.instanceId === "" ? "pending" : machine.instanceId,
    base: baseOf(machine.base),
  };
}

function relationStatus(data: ModelData, relation: RelationRow): RelationStatus {
  const [provider, requirer = provider] = relation.endpoints;
  return {
    id: relation.id,
    provider: `${provider?.application}:${provider?.name}`,
    requirer: `${requirer?.application}:${requirer?.name}`,
    interface: relation.interface,
    type: isPeer(relation) ? "peer" : "regular",
    status: relationWord(data, relation),
  };
}

/** Joined once a unit of each side is in, and on to the end of a removal: Juju says so too (seen on 4.0.15). */
export function relationWord(data: ModelData, relation: RelationRow): RelationStatus["status"] {
  const present = Object.entries(relation.units).filter(([, scope]) => scope.entered);
  const sides = relation.endpoints.filter((endpoint) =>
    present.some(([unit]) => existing(data.units, unit).application === endpoint.application),
  );
  return sides.length === relation.endpoints.length ? "joined" : "joining";
}

/** Notes when a relation's status changed. */
export function noteRelations(core: Core, now: number): void {
  for (const relation of Object.values(core.data.relations)) {
    const status = relationWord(core.data, relation);
    if (relation.seen?.status === status) continue;
    relation.seen = { status, since: now };
    core.changed();
  }
}

function byEnds(a: RelationStatus, b: RelationStatus): number {
  return asBytes(`${a.provider} ${a.requirer}`, `${b.provider} ${b.requirer}`);
}

function storageStatus(unit: UnitRow): StorageStatus[] {
  return unit.storage
    .map(({ id, kind, location, attached }) => ({
      id,
      unit: unit.name,
      kind,
      location,
      status: !attached ? ("pending" as const) : unit.life === "dying" ? ("detaching" as const) : ("attached" as const),
    }))
    .toSorted((a, b) => naturally(a.id, b.id));
}
