/** `juju status` as a table (Juju 3.6, cmd/juju/status/output_tabular.go). */

import type { ApplicationStatus, MachineStatus, StatusData, StatusValue, UnitStatus } from "../state/types.ts";
import { layOut, type Cell, type Style, type Table } from "./table.ts";
import { compareNatural, cutMessage, cutVersion, groupPorts, timestamp } from "./text.ts";

export interface TabularOptions {
  readonly relations: boolean;
  readonly color: boolean;
  readonly utc: boolean;
}

const STATUS_STYLES: Readonly<Record<string, Style>> = {
  active: "green",
  idle: "green",
  started: "green",
  executing: "green",
  running: "green",
  joined: "green",
  allocating: "yellow",
  maintenance: "yellow",
  pending: "yellow",
  waiting: "yellow",
  stopped: "yellow",
  unknown: "yellow",
  blocked: "red",
  down: "red",
  error: "red",
  failed: "red",
  lost: "red",
  terminated: "red",
};

function statusCell(status: string): Cell {
  const style = STATUS_STYLES[status];
  return style === undefined ? { text: status } : { text: status, style };
}

function messageCell(message: string): Cell {
  return { text: cutMessage(message), style: "grey" };
}

function modelTable(data: StatusData, utc: boolean): Table {
  const { model } = data;
  const columns: [string, string][] = [
    ["Model", model.name],
    ["Controller", model.controller],
    ["Cloud/Region", model.region === "" ? model.cloud : `${model.cloud}/${model.region}`],
    ["Version", model.version],
  ];
  if (model.sla !== "") columns.push(["SLA", model.sla]);
  columns.push(["Timestamp", timestamp(data.now, utc)]);
  if (model.status.message !== "") columns.push(["Notes", model.status.message]);
  return { headers: columns.map(([header]) => header), rows: [columns.map(([, text]) => ({ text }))] };
}

const READY_AGENTS = new Set(["idle", "executing", "running"]);

/** `n`, or `ready/total` where they differ (getServiceScale). */
function scaleOf(application: ApplicationStatus): string {
  const units = Object.values(application.units);
  const ready = units.filter((unit) => unit.workload.current !== "terminated" && READY_AGENTS.has(unit.agent.current));
  return ready.length === units.length ? `${units.length}` : `${ready.length}/${units.length}`;
}

function applicationTable(data: StatusData): Table {
  return {
    headers: ["App", "Version", "Status", "Scale", "Charm", "Channel", "Rev", "Exposed", "Message"],
    right: [3, 6],
    rows: sorted(data.applications).map(([name, application]) => [
      { text: name },
      { text: cutVersion(application.version) },
      statusCell(application.status.current),
      { text: scaleOf(application) },
      { text: application.charmName },
      { text: application.charmChannel },
      { text: String(application.charmRevision) },
      { text: application.exposed ? "yes" : "no" },
      messageCell(application.status.message),
    ]),
  };
}

/** Hooks of a unit as opposed to those of relations, storage and secrets: only these are shown as what an agent does. */
const UNIT_HOOKS = new Set([
  "install",
  "start",
  "config-changed",
  "upgrade-charm",
  "stop",
  "remove",
  "update-status",
  "leader-elected",
  "leader-settings-changed",
]);

/** `(config-changed) ` or `(backup) ` while such a thing runs, else nothing (agentDoing). */
function agentDoing(agent: StatusValue): string {
  if (agent.current !== "executing") return "";
  const hook = /^running (\S+) hook$/.exec(agent.message)?.[1];
  if (hook !== undefined) return UNIT_HOOKS.has(hook) ? `(${hook}) ` : "";
  const action = /^running action (.*)$/.exec(agent.message)?.[1];
  return action === undefined ? "" : `(${action}) `;
}

function unitMessage(unit: UnitStatus): string {
  const waiting = unit.agent.current === "allocating" && unit.workload.message === "";
  return agentDoing(unit.agent) + (waiting ? unit.agent.message : unit.workload.message);
}

function unitTable(data: StatusData): Table {
  const units = sorted(data.applications).flatMap(([, application]) => sorted(application.units));
  return {
    headers: ["Unit", "Workload", "Agent", "Machine", "Public address", "Ports", "Message"],
    rows: units.map(([name, unit]) => [
      { text: unit.leader ? `${name}*` : name },
      statusCell(unit.workload.current),
      statusCell(unit.agent.current),
      { text: unit.machine },
      { text: unit.address, style: "cyan" },
      { text: groupPorts(unit.ports), style: "magenta" },
      messageCell(unitMessage(unit)),
    ]),
  };
}

function machineRow([id, machine]: [string, MachineStatus]): Cell[] {
  return [
    { text: id },
    statusCell(machine.agent.current),
    { text: machine.address, style: "cyan" },
    { text: machine.instanceId === "" ? "pending" : machine.instanceId },
    { text: `${machine.base.name}@${machine.base.channel}` },
    { text: "" },
    messageCell(machine.instance.message),
  ];
}

function machineTable(data: StatusData): Table {
  return {
    headers: ["Machine", "State", "Address", "Inst id", "Base", "AZ", "Message"],
    rows: sorted(data.machines).map(machineRow),
  };
}

/** Plain string order here, unlike everywhere else. */
function relationTable(data: StatusData): Table {
  const order = data.relations.toSorted((left, right) =>
    left.provider + left.requirer < right.provider + right.requirer ? -1 : 1,
  );
  return {
    headers: ["Integration provider", "Requirer", "Interface", "Type", "Message"],
    rows: order.map((relation) => [
      { text: relation.provider },
      { text: relation.requirer },
      { text: relation.interface },
      { text: relation.type },
      messageCell(relation.status === "joined" ? "" : `${relation.status}  `),
    ]),
  };
}

function sorted<T>(map: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(map).toSorted(([left], [right]) => compareNatural(left, right));
}

/** True if there is nothing to show besides the model's own line. */
export function isEmpty(data: StatusData): boolean {
  return Object.keys(data.applications).length === 0 && Object.keys(data.machines).length === 0;
}

/** The whole table with a newline after every line. */
export function renderTabular(data: StatusData, options: TabularOptions): string {
  const tables = [modelTable(data, options.utc), applicationTable(data), unitTable(data), machineTable(data)];
  if (options.relations) tables.push(relationTable(data));
  return tables
    .filter((table) => table.rows.length > 0)
    .map((table) =>
      layOut(table, options.color)
        .map((line) => `${line}\n`)
        .join(""),
    )
    .join("\n");
}
