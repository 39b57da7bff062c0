/**
 * Refuses states that Juju could not have: every sentence names one thing that is wrong. In the manner of the
 * consistency checker of ops-scenario.
 */
import { overlaps, portText, sameRange } from "./agent/ports.ts";
import type { ModelData, RelationRow, SecretRow, UnitRow } from "./data.ts";
import { applicationOf, isUnitName } from "./names.ts";
import { involves, isPeer, remoteApplication } from "./scopes.ts";

export function inconsistencies(data: ModelData): string[] {
  return [
    ...sequences(data),
    ...applications(data),
    ...Object.values(data.units).flatMap((unit) => [...unitRow(data, unit), ...agent(data, unit)]),
    ...machines(data),
    ...Object.values(data.relations).flatMap((relation) => relationRow(data, relation)),
    ...Object.values(data.secrets).flatMap((secret) => secretRow(data, secret)),
    ...tasks(data),
  ];
}

/** The sentences whose condition is true. */
function when(...findings: readonly (readonly [boolean, string])[]): string[] {
  return findings.filter(([wrong]) => wrong).map(([, sentence]) => sentence);
}

function sequences({ sequences: next, ...data }: ModelData): string[] {
  const used = (table: object) => Math.max(-1, ...Object.keys(table).map(Number));
  return [
    ...when(
      [used(data.machines) >= next.machine, "machine numbers are used beyond their sequence"],
      [used(data.relations) >= next.relation, "relation numbers are used beyond their sequence"],
      [used(data.tasks) > next.task, "task numbers are used beyond their sequence"],
    ),
    ...Object.values(data.units).flatMap(({ name, application }) =>
      when([Number(name.split("/")[1]) >= (next.unit[application] ?? 0), `unit ${name} is beyond its sequence`]),
    ),
  ];
}

function applications(data: ModelData): string[] {
  return Object.values(data.applications).flatMap((application) => {
    const { name, lease } = application;
    const charm = data.charms[application.charm];
    if (charm === undefined) return [`application ${name} has no charm ${application.charm}`];
    const peers = Object.entries(charm.info.endpoints).filter(([, endpoint]) => endpoint.role === "peer");
    const holder = lease === null ? undefined : data.units[lease.holder];
    return [
      ...Object.keys(application.settings).flatMap((key) =>
        when([charm.info.options[key] === undefined, `application ${name} has a value for unknown option ${key}`]),
      ),
      ...peers.flatMap(([endpoint]) =>
        when([!hasPeer(data, name, endpoint), `application ${name} lacks peer relation ${endpoint}`]),
      ),
      ...when(
        [
          lease !== null && holder?.application !== name && (holder !== undefined || lease.expires === null),
          `application ${name} is led by ${lease?.holder}, which is none of its units`,
        ],
        [
          lease !== null && lease.expires === null && holder?.agent.connected === false,
          `nobody renews the lease of ${name}`,
        ],
        [application.life === "dying" && isOver(data, name), `application ${name} is dying and empty, but still there`],
      ),
    ];
  });
}

function hasPeer(data: ModelData, application: string, endpoint: string): boolean {
  return Object.values(data.relations).some(
    (relation) =>
      isPeer(relation) && relation.endpoints[0]?.application === application && relation.endpoints[0].name === endpoint,
  );
}

function isOver(data: ModelData, application: string): boolean {
  return (
    !Object.values(data.units).some((unit) => unit.application === application) &&
    !Object.values(data.relations).some((relation) => !isPeer(relation) && involves(relation, application))
  );
}

const WORKLOADS: readonly string[] = ["waiting", "maintenance", "blocked", "active", "unknown", "terminated"];
const AGENTS: readonly string[] = ["allocating", "executing", "idle", "error", "rebooting"];

function unitRow(data: ModelData, unit: UnitRow): string[] {
  const { name, application, machine } = unit;
  const conflicts = unit.ports.flatMap((port, index) =>
    unit.ports
      .slice(index + 1)
      .filter((other) => overlaps(port, other) && !sameRange(port, other))
      .map((other) => `unit ${name} has ${portText(port)} and ${portText(other)} open`),
  );
  return [
    ...conflicts,
    ...when(
      [!isUnitName(name) || applicationOf(name) !== application, `unit ${name} is not named after ${application}`],
      [data.applications[application] === undefined, `unit ${name} belongs to no application`],
      [data.machines[machine]?.life !== "alive", `unit ${name} is on no living machine`],
      [
        data.applications[application]?.life === "dying" && unit.life === "alive",
        `unit ${name} outlives its application`,
      ],
      [!WORKLOADS.includes(unit.workload.current), `unit ${name} has workload status ${unit.workload.current}`],
      [!AGENTS.includes(unit.agentStatus.current), `unit ${name} has agent status ${unit.agentStatus.current}`],
      [unit.resolved !== "none" && unit.agent.current === null, `unit ${name} is resolved without an error`],
    ),
  ];
}

function agent(data: ModelData, unit: UnitRow): string[] {
  const { name, agent: row } = unit;
  const leads = data.applications[unit.application]?.lease?.holder === name;
  return [
    ...when(
      [row.started && !row.installed, `unit ${name} is started but not installed`],
      [row.removed && !row.stopped, `unit ${name} is removed but not stopped`],
      [row.stopped && unit.life === "alive", `unit ${name} is stopped but alive`],
      [row.connected && !row.everStarted, `unit ${name} is connected but never started`],
      [row.leader && row.connected && !leads, `unit ${name} thinks that it leads`],
      [row.current?.step === "failed" && row.retry === null, `unit ${name} has a failed hook and no time to retry`],
    ),
    ...Object.entries(row.relations).flatMap(([id, local]) => {
      const relation = data.relations[id];
      if (relation === undefined) return [`unit ${name} knows relation ${id}, which is not there`];
      const remote = involves(relation, unit.application) ? remoteApplication(relation, unit.application) : "";
      const { entered } = relation.units[name] ?? { entered: false };
      return [
        ...when([!local.broken && !entered, `unit ${name} knows relation ${id} without having entered it`]),
        ...Object.entries(local.members).flatMap(([member, version]) =>
          when(
            [
              applicationOf(member) !== remote || member === name,
              `unit ${name} has ${member} as a member of relation ${id}`,
            ],
            [
              version > (relation.units[member]?.version ?? 0),
              `unit ${name} saw the future of ${member} in relation ${id}`,
            ],
          ),
        ),
      ];
    }),
  ];
}

function machines(data: ModelData): string[] {
  return Object.values(data.machines).flatMap((machine) => {
    const units = Object.values(data.units).filter((unit) => unit.machine === machine.id);
    return when([machine.life === "alive" && units.length === 0, `machine ${machine.id} is alive without a unit`]);
  });
}

function relationRow(data: ModelData, relation: RelationRow): string[] {
  const { id } = relation;
  const ends = relation.endpoints.flatMap((end) => {
    const application = data.applications[end.application];
    const declared = application && data.charms[application.charm]?.info.endpoints[end.name];
    return when(
      [application === undefined, `relation ${id} has no application ${end.application}`],
      [
        application !== undefined && declared?.role !== end.role,
        `relation ${id} has an endpoint ${end.name} that its charm lacks`,
      ],
      [relation.apps[end.application] === undefined, `relation ${id} has no bag for ${end.application}`],
    );
  });
  const bags = [...Object.entries(relation.units), ...Object.entries(relation.apps)].flatMap(([owner, bag]) =>
    when(
      [
        Object.values(bag.values).some((value) => typeof value !== "string" || value === ""),
        `${owner} has an empty value in relation ${id}`,
      ],
      [bag.version === 0 && Object.keys(bag.values).length > 0, `${owner} has values of no version in relation ${id}`],
    ),
  );
  const scopes = Object.entries(relation.units).flatMap(([unit, scope]) =>
    when(
      [scope.visible && !scope.entered, `${unit} is seen in relation ${id} but has left it`],
      [scope.entered && data.units[unit] === undefined, `${unit} counts in relation ${id} but is gone`],
      [scope.visible && data.units[unit]?.life === "dying", `${unit} is dying but seen in relation ${id}`],
      [!involves(relation, applicationOf(unit)), `${unit} is a stranger in relation ${id}`],
    ),
  );
  const left = relation.life === "dying" && Object.values(relation.units).every((scope) => !scope.entered);
  return [
    ...ends,
    ...bags,
    ...scopes,
    ...when(
      [left, `relation ${id} is dying and left by all, but still there`],
      [relation.endpoints.length === 1 && relation.endpoints[0]?.role !== "peer", `relation ${id} has one side only`],
    ),
  ];
}

function secretRow(data: ModelData, secret: SecretRow): string[] {
  const { id, owner } = secret;
  const revisions = Object.keys(secret.revisions).map(Number);
  const labels = Object.values(data.secrets).filter(
    (other) => other.id !== id && other.label !== "" && other.label === secret.label && other.owner.name === owner.name,
  );
  const owned = owner.kind === "unit" ? data.units[owner.name] : data.applications[owner.name];
  return [
    ...when(
      [owned === undefined, `secret ${id} is owned by ${owner.name}, which is not there`],
      [
        revisions.length === 0 || Math.max(...revisions) > secret.latest,
        `secret ${id} has revisions beyond its latest`,
      ],
      [labels.length > 0, `secret ${id} shares its label with another one of ${owner.name}`],
    ),
    ...Object.entries(secret.consumers).flatMap(([unit, consumer]) =>
      when(
        [data.units[unit] === undefined, `secret ${id} is read by ${unit}, which is not there`],
        [consumer.revision > secret.latest, `secret ${id} is tracked by ${unit} beyond its latest revision`],
      ),
    ),
    ...secret.grants.flatMap((grant) =>
      when([
        data.relations[grant.relation] === undefined,
        `secret ${id} is granted through relation ${grant.relation}, which is not there`,
      ]),
    ),
  ];
}

function tasks(data: ModelData): string[] {
  return Object.values(data.tasks).flatMap((task) => {
    const open = ["pending", "running", "aborting"].includes(task.status);
    return when(
      [open && data.units[task.unit] === undefined, `task ${task.id} waits for ${task.unit}, which is not there`],
      [open !== (task.completed === null), `task ${task.id} is ${task.status} and has the wrong times`],
      [task.id > 0 && task.operation >= task.id, `task ${task.id} is older than its operation`],
    );
  });
}
