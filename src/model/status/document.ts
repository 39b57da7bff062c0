/** `juju status --format json|yaml` (Juju 3.6, cmd/juju/status/formatted.go): keys and their order are Juju's. */

import type {
  ApplicationStatus,
  MachineStatus,
  StatusData,
  StatusValue,
  StorageStatus,
  UnitStatus,
} from "../state/types.ts";
import { dateAndTime, timestamp } from "./text.ts";

type Document = Record<string, unknown>;

/** Leaves out what Go's `omitempty` leaves out. */
function compact(document: Document): Document {
  return Object.fromEntries(
    Object.entries(document).filter(([, value]) => {
      if (value === undefined || value === null || value === "" || value === false) return false;
      return typeof value !== "object" || Object.keys(value).length > 0;
    }),
  );
}

function statusDocument(status: StatusValue & { readonly version?: string }, utc: boolean, life = "alive"): Document {
  return compact({
    current: status.current,
    message: status.message,
    since: dateAndTime(status.since, utc),
    version: status.version,
    life: life === "alive" ? "" : life,
  });
}

function unitDocument(unit: UnitStatus, utc: boolean): Document {
  return compact({
    "workload-status": statusDocument(unit.workload, utc),
    "juju-status": statusDocument(unit.agent, utc, unit.life),
    leader: unit.leader,
    machine: unit.machine,
    "open-ports": unit.ports,
    "public-address": unit.address,
  });
}

function applicationDocument(application: ApplicationStatus, utc: boolean): Document {
  const relations = Object.entries(application.relations).map(([endpoint, related]) => [
    endpoint,
    related.map((one) => ({ "related-application": one.application, interface: one.interface, scope: one.scope })),
  ]);
  const units = Object.entries(application.units).map(([name, unit]) => [name, unitDocument(unit, utc)]);
  return {
    charm: application.charm,
    base: { name: application.base.name, channel: application.base.channel },
    "charm-origin": application.charmOrigin,
    "charm-name": application.charmName,
    "charm-rev": application.charmRevision,
    ...compact({
      "charm-channel": application.charmChannel,
      "charm-version": application.charmVersion,
      "charm-profile": application.charmProfile,
    }),
    exposed: application.exposed,
    ...compact({
      life: application.life === "alive" ? "" : application.life,
      "application-status": statusDocument(application.status, utc),
      relations: Object.fromEntries(relations),
      units: Object.fromEntries(units),
      version: application.version,
      "endpoint-bindings": application.endpointBindings,
    }),
  };
}

function machineDocument(machine: MachineStatus, utc: boolean): Document {
  return compact({
    "juju-status": statusDocument(machine.agent, utc),
    hostname: machine.hostname,
    "dns-name": machine.address,
    "ip-addresses": machine.address === "" ? [] : [machine.address],
    "instance-id": machine.instanceId === "" ? "pending" : machine.instanceId,
    "machine-status": statusDocument(machine.instance, utc),
    "modification-status": statusDocument({ ...machine.instance, current: "idle", message: "" }, utc),
    base: machine.base,
  });
}

function storageDocument(storage: readonly StorageStatus[]): Document {
  if (storage.length === 0) return {};
  const instances = storage.map((one) => [
    one.id,
    {
      kind: one.kind,
      life: one.status === "detaching" ? "dying" : "alive",
      status: { current: one.status },
      persistent: false,
      attachments: { units: { [one.unit]: compact({ location: one.location, life: "alive" }) } },
    },
  ]);
  return { storage: Object.fromEntries(instances) };
}

export function statusDocumentOf(data: StatusData, utc: boolean): Document {
  const { model } = data;
  const mapValues = <T>(map: Readonly<Record<string, T>>, render: (value: T) => Document): Document =>
    Object.fromEntries(Object.entries(map).map(([key, value]) => [key, render(value)]));
  return {
    model: compact({
      name: model.name,
      type: model.type,
      controller: model.controller,
      cloud: model.cloud,
      region: model.region,
      version: model.version,
      "model-status": statusDocument(model.status, utc),
      sla: model.sla,
    }),
    machines: mapValues(data.machines, (machine) => machineDocument(machine, utc)),
    applications: mapValues(data.applications, (application) => applicationDocument(application, utc)),
    storage: storageDocument(data.storage),
    controller: { timestamp: timestamp(data.now, utc) },
  };
}
