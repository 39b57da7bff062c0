import { describe, expect, test } from "vitest";
import type { ApplicationStatus, MachineStatus, StatusData, UnitStatus } from "../state/types.ts";
import { select } from "./select.ts";
import { renderTabular } from "./tabular.ts";
import { statusDocumentOf } from "./document.ts";

const SINCE = Date.UTC(2026, 0, 13, 14, 3, 7);

function unit(
  workload: [string, string],
  agent: [string, string],
  machine: string,
  more: Partial<UnitStatus> = {},
): UnitStatus {
  return {
    workload: { current: workload[0], message: workload[1], since: SINCE },
    agent: { current: agent[0], message: agent[1], since: SINCE, version: "3.6.28" },
    life: "alive",
    leader: false,
    machine,
    ports: [],
    address: `10.1.1.1${machine}`,
    ...more,
  };
}

function application(
  charmName: string,
  status: [string, string],
  units: Record<string, UnitStatus>,
  more: Partial<ApplicationStatus> = {},
): ApplicationStatus {
  return {
    charm: `local:${charmName}-0`,
    charmName,
    charmOrigin: "local",
    charmRevision: 0,
    charmChannel: "",
    charmVersion: "",
    charmProfile: "",
    base: { name: "ubuntu", channel: "24.04" },
    exposed: false,
    life: "alive",
    status: { current: status[0], message: status[1], since: SINCE },
    version: "",
    relations: {},
    endpointBindings: {},
    units,
    ...more,
  };
}

function machine(status: string, message: string, more: Partial<MachineStatus> = {}): MachineStatus {
  return {
    agent: { current: status, message: "", since: SINCE, version: "3.6.28" },
    instance: { current: "running", message, since: SINCE },
    hostname: "",
    address: "",
    instanceId: "",
    base: { name: "ubuntu", channel: "24.04" },
    ...more,
  };
}

const DATA: StatusData = {
  now: SINCE,
  model: {
    name: "prod",
    uuid: "9c1f3e00-0000-4000-8000-000000000000",
    type: "iaas",
    controller: "lxd-ctl",
    cloud: "localhost",
    region: "localhost",
    version: "3.6.28",
    sla: "unsupported",
    status: { current: "available", message: "", since: SINCE },
  },
  applications: {
    notes: application(
      "notes",
      ["blocked", "waiting for database"],
      {
        "notes/0": unit(["blocked", "waiting for database"], ["idle", ""], "0", {
          leader: true,
          ports: ["80/tcp", "443/tcp"],
        }),
        "notes/1": unit(["maintenance", "installing charm software"], ["executing", "running install hook"], "1"),
        "notes/2": unit(["waiting", "waiting for machine"], ["allocating", ""], "2", { address: "" }),
      },
      { version: "1.2.0" },
    ),
    pg: application(
      "postgresql",
      ["active", ""],
      { "pg/0": unit(["active", ""], ["idle", ""], "3", { leader: true, ports: ["5432/tcp"] }) },
      {
        version: "16.3",
        charmChannel: "16/stable",
        charmRevision: 843,
      },
    ),
  },
  machines: {
    "0": machine("started", "Running", { address: "10.1.1.10", instanceId: "juju-9c1f3e-0" }),
    "2": machine("pending", "Creating container"),
  },
  relations: [
    {
      id: 1,
      provider: "pg:database",
      requirer: "notes:db",
      interface: "postgresql_client",
      type: "regular",
      status: "joined",
    },
    {
      id: 0,
      provider: "notes:cluster",
      requirer: "notes:cluster",
      interface: "notes",
      type: "peer",
      status: "joining",
    },
  ],
  storage: [],
};

const PLAIN = { relations: false, color: false, utc: true };

function table(data: StatusData, relations = false): string[] {
  return renderTabular(data, { ...PLAIN, relations }).split("\n");
}

describe("status as a table", () => {
  test("the worked example of Juju 3.6, to the last space", () => {
    // The machine block of that example has a value in AZ, which local machines have none of.
    expect(renderTabular(DATA, PLAIN)).toBe(
      [
        "Model  Controller  Cloud/Region         Version  SLA          Timestamp",
        "prod   lxd-ctl     localhost/localhost  3.6.28   unsupported  14:03:07Z",
        "",
        "App    Version  Status   Scale  Charm       Channel    Rev  Exposed  Message",
        "notes  1.2.0    blocked    2/3  notes                    0  no       waiting for database",
        "pg     16.3     active       1  postgresql  16/stable  843  no       ",
        "",
        "Unit      Workload     Agent       Machine  Public address  Ports       Message",
        "notes/0*  blocked      idle        0        10.1.1.10       80,443/tcp  waiting for database",
        "notes/1   maintenance  executing   1        10.1.1.11                   (install) installing charm software",
        "notes/2   waiting      allocating  2                                    waiting for machine",
        "pg/0*     active       idle        3        10.1.1.13       5432/tcp    ",
        "",
        "Machine  State    Address    Inst id        Base          AZ  Message",
        "0        started  10.1.1.10  juju-9c1f3e-0  ubuntu@24.04      Running",
        "2        pending             pending        ubuntu@24.04      Creating container",
        "",
      ].join("\n"),
    );
  });

  test("relations in plain string order, with a status only where it is not joined", () => {
    expect(table(DATA, true).slice(-4)).toEqual([
      "Integration provider  Requirer       Interface          Type     Message",
      "notes:cluster         notes:cluster  notes              peer     joining  ",
      "pg:database           notes:db       postgresql_client  regular  ",
      "",
    ]);
  });

  test("the model's message stands in the column Notes", () => {
    const status = { current: "available", message: "release: stand-in", since: SINCE };
    const [headers, values] = table({ ...DATA, model: { ...DATA.model, status } });
    expect(headers).toMatch(/Timestamp {2}Notes$/);
    expect(values).toMatch(/14:03:07Z {2}release: stand-in$/);
  });

  test("an empty model is its own line alone", () => {
    expect(table({ ...DATA, applications: {}, machines: {}, relations: [] })).toHaveLength(3);
  });

  test("units and machines in natural order", () => {
    const units = Object.fromEntries(
      ["a/10", "a/2", "a/1"].map((name) => [name, unit(["active", ""], ["idle", ""], name.slice(2))]),
    );
    const machines = Object.fromEntries(["10", "2", "1"].map((id) => [id, machine("started", "Running")]));
    const lines = table({ ...DATA, applications: { a: application("a", ["active", ""], units) }, machines });
    expect(lines.filter((line) => line.startsWith("a/")).map((line) => line.split(" ")[0])).toEqual([
      "a/1",
      "a/2",
      "a/10",
    ]);
    expect(lines.filter((line) => /^\d/.test(line)).map((line) => line.split(" ")[0])).toEqual(["1", "2", "10"]);
  });

  test.each([
    [
      "a unit's hook is told",
      ["maintenance", "busy"],
      ["executing", "running config-changed hook"],
      "(config-changed) busy",
    ],
    ["a relation's hook is not", ["active", "ok"], ["executing", "running db-relation-changed hook"], "ok"],
    ["an action is told", ["active", ""], ["executing", "running action backup"], "(backup) "],
    ["the agent's word while there is no other", ["waiting", ""], ["allocating", "no machine yet"], "no machine yet"],
    ["a failed hook", ["error", 'hook failed: "install"'], ["idle", ""], 'hook failed: "install"'],
    ["120 characters are all shown", ["active", "x".repeat(120)], ["idle", ""], "x".repeat(120)],
    ["more are cut", ["active", "x".repeat(121)], ["idle", ""], `${"x".repeat(117)}...`],
  ] as [string, [string, string], [string, string], string][])("message: %s", (_name, workload, agent, expected) => {
    const lines = table({
      ...DATA,
      applications: { a: application("a", ["active", ""], { "a/0": unit(workload, agent, "0") }) },
    });
    expect(
      lines
        .find((line) => line.startsWith("a/0"))
        ?.slice(lines.find((line) => line.startsWith("Unit"))?.indexOf("Message")),
    ).toBe(expected);
  });

  test("selectors leave applications, units and their machines", () => {
    const chosen = select(DATA, ["pg"]);
    expect(Object.keys(chosen.applications)).toEqual(["pg"]);
    expect(Object.keys(select(DATA, ["notes/2"]).applications["notes"]?.units ?? {})).toEqual(["notes/2"]);
    expect(Object.keys(select(DATA, ["notes/0"]).machines)).toEqual(["0"]);
    expect(Object.keys(select(DATA, ["not*"]).applications)).toEqual(["notes"]);
    expect(Object.keys(select(DATA, ["nothing"]).applications)).toEqual([]);
  });
});

test("status as a document has Juju's keys", () => {
  const document = statusDocumentOf(DATA, true) as Record<string, any>;
  expect(Object.keys(document)).toEqual(["model", "machines", "applications", "storage", "controller"]);
  expect(document["applications"]["notes"]["units"]["notes/0"]).toEqual({
    "workload-status": { current: "blocked", message: "waiting for database", since: "2026-01-13 14:03:07Z" },
    "juju-status": { current: "idle", since: "2026-01-13 14:03:07Z", version: "3.6.28" },
    leader: true,
    machine: "0",
    "open-ports": ["80/tcp", "443/tcp"],
    "public-address": "10.1.1.10",
  });
  expect(document["applications"]["pg"]).toMatchObject({
    "charm-channel": "16/stable",
    "charm-rev": 843,
    exposed: false,
  });
});
