import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.ts";
import type { Plugin } from "../contract.ts";
import { type CharmInfo, ModelState, pluginCharm } from "./model.ts";
import { inExec, inNext, related } from "./testing/inside.ts";
import { charm, NOTES, notes, pg, pgAlone } from "./testing/charms.ts";
import { exit, seeded, World } from "./testing/world.ts";

function deployed(info: CharmInfo = notes, units = 1): World {
  const world = new World();
  world.model.deploy({ charm: info, units, config: {}, resources: {}, now: world.now });
  return world;
}

function deploy(world: World, more: Partial<Parameters<ModelState["deploy"]>[0]>) {
  return world.model.deploy({ charm: notes, units: 1, config: {}, resources: {}, now: world.now, ...more });
}

describe("deploy", () => {
  test("says what Juju's client says", () => {
    const world = new World();
    expect(deploy(world, { units: 2 })).toEqual({
      application: "notes",
      units: ["notes/0", "notes/1"],
      messages: [
        'Located local charm "notes", revision 0',
        'Deploying "notes" from local charm "notes", revision 0 on ubuntu@24.04/stable',
      ],
    });
    expect(deploy(world, { name: "other" }).messages[0]).toBe('Located local charm "notes", revision 1');
  });

  test("numbers: machines, units and relations count on for ever", () => {
    const world = deployed(notes, 2);
    world.model.removeApplication("notes", world.now);
    expect(world.model.data.applications).toEqual({});
    expect(deploy(world, {}).units).toEqual(["notes/2"]);
    expect(Object.keys(world.model.data.relations)).toEqual(["1"]);
    expect(world.model.data.units["notes/2"]?.machine).toBe("2");
  });

  const refusals: readonly (readonly [Parameters<typeof deploy>[1], string])[] = [
    [{ name: "Bad" }, 'invalid application name "Bad"'],
    [{ name: "app-1" }, 'invalid application name "app-1"'],
    [{ name: "notes" }, 'cannot add application "notes": application already exists'],
    [{ name: "a", config: { none: "x" } }, 'unknown option "none"'],
    [{ name: "a", config: { size: "a" } }, 'option "size" expected int, got "a"'],
    [{ name: "a", config: { loud: "maybe" } }, 'option "loud" expected boolean, got "maybe"'],
    [{ name: "a", config: { ratio: "x" } }, 'option "ratio" expected float, got "x"'],
    [{ name: "a", resources: { none: "/x" } }, 'unrecognized resource "none"'],
    [
      { name: "a", base: "ubuntu@20.04" },
      'base "ubuntu@20.04" is not supported, supported bases are: ubuntu@22.04, ubuntu@24.04',
    ],
  ];
  test.each(refusals)("refuses %j and changes nothing", (options, message) => {
    const world = deployed();
    const before = world.model.snapshot();
    expect(() => deploy(world, options)).toThrow(message);
    expect(() => deploy(world, options)).toThrow(UserError);
    expect(world.model.snapshot()).toEqual(before);
  });
});

describe("relations", () => {
  test.each([
    ["notes:none", "pg", 'application "notes" has no "none" relation'],
    ["notes:site", "pg", "no relations found"],
    ["notes", "none", 'application "none" not found'],
    ["notes", "pg", 'cannot add relation "notes:db pg:db": relation notes:db pg:db already exists'],
    ["notes", "second", "establishing a new relation for notes:db would exceed its maximum relation limit of 1"],
  ])("integrate %s %s", (a, b, message) => {
    const world = related();
    deploy(world, { charm: pgAlone, name: "second" });
    expect(() => world.model.integrate(a, b, world.now)).toThrow(message);
  });

  test("ambiguous ones are named", () => {
    const two = charm(NOTES.replace("db: {", "other: {interface: postgresql_client}, db: {"));
    const world = deployed(two);
    deploy(world, { charm: pg });
    expect(() => world.model.integrate("notes", "pg", world.now)).toThrow(
      'ambiguous relation: "notes pg" could refer to "notes:db pg:db"; "notes:other pg:db"',
    );
    world.model.integrate("notes:other", "pg", world.now);
    expect(() => world.model.removeRelation("notes:db", "pg", world.now)).toThrow(
      'relation matching "notes:db pg" not found',
    );
    world.model.removeRelation("pg", "notes", world.now);
    expect(Object.values(world.model.data.relations).every((relation) => relation.endpoints.length === 1)).toBe(true);
  });
});

test("removing what is not there", () => {
  const { model, now } = deployed();
  expect(() => model.removeUnits(["notes/0", "notes/9"], now)).toThrow(
    'removing unit notes/9 failed: unit "notes/9" does not exist',
  );
  expect(model.data.units["notes/0"]?.life).toBe("alive");
  expect(() => model.removeApplication("none", now)).toThrow('application "none" not found');
  expect(model.removeApplication("notes", now)).toEqual([
    "will remove application notes",
    "- will remove unit notes/0",
  ]);
});

test("config as it is listed", () => {
  const { model } = deployed();
  model.setConfig("notes", { size: "3", title: "x", loud: "1" });
  expect(model.getConfig("notes").settings).toEqual({
    loud: { default: false, description: "whether", source: "user", type: "boolean", value: true },
    mode: { default: "", description: "how", source: "default", type: "string", value: "" },
    ratio: { default: 0.5, description: "how much", source: "default", type: "float", value: 0.5 },
    size: { default: 3, description: "how many", source: "default", type: "int", value: 3 },
    title: { description: "what it is called", source: "user", type: "string", value: "x" },
  });
  expect(model.getConfigValue("notes", "size")).toBe(3);
  model.resetConfig("notes", ["title"]);
  expect(model.getConfigValue("notes", "title")).toBeNull();
  expect(() => model.getConfigValue("notes", "none")).toThrow(
    'key "none" not found in "notes" application config or charm settings.',
  );
  expect(() => model.setConfig("notes", { title: "y", size: "x" })).toThrow('option "size" expected int, got "x"');
  expect(model.getConfigValue("notes", "title")).toBeNull();
});

test("model settings", () => {
  const { model, now } = deployed();
  expect(model.modelConfig()["update-status-hook-interval"]).toBe("5m");
  expect(() => model.setModelConfig({ none: "x" }, now)).toThrow('key "none" not found in "test" model');
  for (const bad of ["x", "30s", "2h"]) {
    expect(() => model.setModelConfig({ "update-status-hook-interval": bad }, now)).toThrow(UserError);
  }
  model.setModelConfig({ "update-status-hook-interval": "1m30s" }, now);
  model.resetModelConfig(["update-status-hook-interval"], now);
  expect(model.modelConfig()["update-status-hook-interval"]).toBe("5m");
});

describe("actions", () => {
  test("operations and tasks share one sequence; defaults are inserted", () => {
    const world = related();
    expect(world.model.enqueueAction(["notes/leader", "notes/1"], "backup", { level: 2 }, world.now)).toEqual({
      operation: 1,
      tasks: [
        { id: 2, unit: "notes/0" },
        { id: 3, unit: "notes/1" },
      ],
      errors: [],
    });
    expect(world.model.task(2).params).toEqual({ level: 2, target: "/tmp", deep: { inner: "x" } });
    expect(world.model.enqueueExec(["pg/0"], "true", world.now).operation).toBe(4);
  });

  test.each([
    ["notes/0", "none", {}, 'action "none" not defined on unit "notes/0"'],
    ["notes/9", "backup", { level: 1 }, 'unit "notes/9" not found'],
    ["none/leader", "backup", { level: 1 }, 'could not determine leader for "none"'],
    ["notes/0", "backup", {}, 'validation failed: (root) : "level" property is missing and required, given {}'],
    ["notes/0", "backup", { level: "x" }, 'validation failed: (root).level : must be of type integer, given "x"'],
    ["notes/0", "backup", { level: 10 }, "validation failed: (root).level : must be less than or equal to 9, given 10"],
    [
      "notes/0",
      "backup",
      { level: 1, extra: 2 },
      'validation failed: (root) : additional property "extra" is not allowed, given {"level":1,"extra":2}',
    ],
  ])("%s %s %j", (unit, action, params, message) => {
    const world = related();
    expect(world.model.enqueueAction([unit], action, params, world.now)).toEqual({
      operation: 1,
      tasks: [],
      errors: [message],
    });
  });

  test.each([
    [0, "completed", ""],
    [3, "failed", "exit status 3"],
  ])("exit %d", (code, status, message) => {
    const world = related();
    world.model.enqueueAction(["notes/0"], "backup", { level: 1 }, world.now);
    const hook = inNext(world, "notes/0");
    expect(world.model.status(world.now).applications["notes"]?.units["notes/0"]?.agent.message).toBe(
      "running action backup",
    );
    hook.tool("relation-set", "-r", "0", "a=b");
    world.finish(hook, exit(code, "out", "err"));
    expect(world.model.task(2)).toMatchObject({
      status,
      message,
      results: { "return-code": code, stdout: "out", stderr: "err" },
    });
    expect(world.model.data.relations["0"]?.units["notes/0"]?.values["a"]).toBe(code === 0 ? "b" : undefined);
    expect(world.model.data.units["notes/0"]?.agent.current).toBeNull();
  });

  test("action-fail commits all the same; the exit code's message wins over its own", () => {
    const world = related();
    for (const [code, message] of [
      [0, "mine"],
      [2, "exit status 2"],
    ] as const) {
      const { tasks } = world.model.enqueueAction(["notes/0"], "backup", { level: 1 }, world.now);
      const hook = inNext(world, "notes/0");
      hook.tool("action-fail", "mine");
      hook.tool("relation-set", "-r", "0", `code=${code}`);
      world.finish(hook, exit(code));
      expect(world.model.task(tasks[0]!.id)).toMatchObject({ status: "failed", message });
    }
    expect(world.model.data.relations["0"]?.units["notes/0"]?.values["code"]).toBe("0");
  });

  test("a failing commit fails the action", () => {
    const world = related();
    world.model.enqueueAction(["notes/0"], "backup", { level: 1 }, world.now);
    const hook = inNext(world, "notes/0");
    hook.tool("open-port", "80", "--endpoints", "none");
    world.finish(hook, exit(0, "", "err"));
    expect(world.model.task(2)).toMatchObject({
      status: "failed",
      message: "committing requested changes failed",
      results: { "return-code": 0, stderr: 'err\nopen port range: endpoint "none" for unit "notes/0" not found' },
    });
  });

  test("not implemented, cancelled, interrupted", () => {
    const world = related();
    const end = (finish: (id: number) => void) => {
      const { tasks } = world.model.enqueueAction(["notes/0"], "backup", { level: 1 }, world.now);
      finish(tasks[0]!.id);
      const { status, message } = world.model.task(tasks[0]!.id);
      return [status, message];
    };
    const killed = { signal: "SIGKILL", stdout: "", stderr: "" };
    expect(end(() => world.finish(inNext(world, "notes/0"), { missing: true }))).toEqual([
      "failed",
      'action not implemented on unit "notes/0"',
    ]);
    expect(end((id) => world.model.cancelTask(id, world.now))).toEqual(["cancelled", ""]);
    expect(
      end((id) => {
        const hook = inNext(world, "notes/0");
        world.model.cancelTask(id, world.now);
        expect(world.model.task(id).status).toBe("aborting");
        world.finish(hook, killed);
      }),
    ).toEqual(["aborted", ""]);
    expect(
      end(() => {
        inNext(world, "notes/0");
        world.model.agentStarted("notes/0", world.now, { rebooted: false });
      }),
    ).toEqual(["failed", "action terminated"]);
  });

  test("run between install and start, and in hook error, but not between config-changed and start", () => {
    const world = deployed();
    world.boot();
    world.step("notes/0");
    world.model.enqueueAction(["notes/0"], "backup", { level: 1 }, world.now);
    world.step("notes/0");
    world.step("notes/0");
    world.step("notes/0");
    expect(world.traced("notes/0")).toEqual(["install", "cluster-relation-created APP=notes", "leader-elected"]);
    world.step("notes/0");
    expect(world.traced("notes/0")).toEqual(["action:backup"]);
    world.step("notes/0");
    world.model.enqueueAction(["notes/0"], "backup", { level: 1 }, world.now);
    world.charm = (hook) => (hook.name === "start" ? 1 : 0);
    world.settle();
    expect(world.traced("notes/0")).toEqual(["config-changed", "start", "action:backup"]);
    expect(world.model.data.units["notes/0"]?.agent.current?.step).toBe("failed");
  });
});

describe("scripts", () => {
  test("commit whatever their exit code, which is a result and no failure", () => {
    const world = related();
    world.model.enqueueExec(["notes/0"], "true", world.now);
    const hook = inNext(world, "notes/0");
    hook.tool("relation-set", "-r", "0", "a=b");
    world.finish(hook, exit(7, "out"));
    expect(world.model.task(2)).toMatchObject({ status: "completed", results: { "return-code": 7, stdout: "out" } });
    expect(world.model.data.relations["0"]?.units["notes/0"]?.values["a"]).toBe("b");
  });

  test("from inside a machine take no number of Juju's", () => {
    const world = related();
    const id = world.model.enqueueCommand("notes/0", "true", {}, world.now);
    expect(id).toBe(-1);
    expect(world.next("notes/0")).toEqual({ kind: "exec", task: -1, script: "true" });
    expect(() => world.model.forgetTask(id)).toThrow(UserError);
    world.settle();
    expect(world.model.task(id)).toMatchObject({ status: "completed", results: { "return-code": 0 } });
    world.model.forgetTask(id);
    expect(() => world.model.task(id)).toThrow('task "-1" not found');
    expect(world.model.enqueueExec(["notes/0"], "true", world.now)).toMatchObject({ operation: 1, tasks: [{ id: 2 }] });
    expect(() => world.model.enqueueCommand("notes/0", "true", { relationId: 9 }, world.now)).toThrow(UserError);
  });

  test("from inside a machine fail with Juju's error, and nothing else, if what they wrote is refused", () => {
    const world = related();
    const id = world.model.enqueueCommand("notes/0", "true", {}, world.now);
    const hook = inNext(world, "notes/0");
    hook.tool("relation-set", "-r", "0", "--app", "a=b");
    world.model.expireLease("notes", world.now);
    world.finish(hook, exit(0, "out", "said"));
    expect(world.model.task(id)).toMatchObject({
      status: "failed",
      message: 'prerequisites failed: "notes/0" is not leader of "notes"',
      results: {},
    });
  });

  test("wait for the hook under way", () => {
    const world = related();
    const hook = inExec(world, "notes/0");
    world.model.enqueueCommand("notes/0", "true", {}, world.now);
    expect(world.next("notes/0")).toBeNull();
    world.finish(hook, exit(0));
    expect(world.next("notes/0")).toMatchObject({ kind: "exec", task: -2 });
  });
});

describe("plug-ins", () => {
  const plugin: Plugin = {
    charm: "postgresql",
    channels: ["16/stable"],
    endpoints: { database: { role: "provides", interface: "postgresql_client" } },
    options: { profile: { type: "string", default: "production", description: "" } },
    create: () => {
      throw new Error("not needed");
    },
  };

  function played() {
    const world = related();
    world.model.removeRelation("notes", "pg", world.now);
    world.settle();
    const { messages } = deploy(world, { charm: pluginCharm(plugin, "16/stable"), name: "db" });
    const relation = world.model.integrate("notes:db", "db", world.now);
    world.boot();
    world.settle();
    return { world, messages, relation, view: world.model.pluginView("db", () => world.now) };
  }

  test("take part in relations without hooks of their own", () => {
    const { world, messages, relation, view } = played();
    expect(messages).toEqual([
      'Deployed "db" from charm-hub charm "postgresql", revision 0 in channel 16/stable on ubuntu@24.04/stable',
    ]);
    expect(world.traced("notes/0").slice(-3)).toEqual([
      "db-relation-created APP=db",
      "db-relation-joined UNIT=db/0",
      "db-relation-changed UNIT=db/0",
    ]);
    expect(world.model.status(world.now).applications["db"]?.units["db/0"]?.leader).toBe(true);
    const [related] = view.relations("database");
    expect(related).toMatchObject({ id: relation, remoteApp: "notes", remoteUnits: ["notes/0", "notes/1"] });
    related!.setAppData({ endpoints: "10.0.0.14:5432", gone: "" });
    const uri = related!.secret("user", { username: "u", password: "p" });
    expect(related!.secret("user", { username: "u", password: "p" })).toBe(uri);
    world.settle();
    expect(world.traced("notes/1").at(-1)).toBe("db-relation-changed APP=db");
    const reader = inExec(world, "notes/0");
    expect(reader.json("secret-get", uri)).toEqual({ password: "p", username: "u" });
    world.finish(reader, exit(0));
    related!.secret("user", { username: "u", password: "new" });
    world.settle();
    expect(world.traced("notes/0").at(-1)).toBe("secret-changed");
  });

  test("status, version, ports, actions", () => {
    const { world, view } = played();
    view.setStatus("active", "");
    view.setVersion("16.9");
    view.openPort("5432");
    expect(world.model.status(world.now).applications["db"]).toMatchObject({
      status: { current: "active" },
      version: "16.9",
      charm: "postgresql",
      charmChannel: "16/stable",
      units: { "db/0": { ports: ["5432/tcp"], agent: { current: "idle" } } },
    });
    const { tasks } = world.model.enqueueAction(["db/0"], "get-password", {}, world.now);
    const hook = inNext(world, "db/0");
    hook.tool("action-set", "password=x");
    world.finish(hook, exit(0));
    expect(world.model.task(tasks[0]!.id)).toMatchObject({ status: "completed", results: { password: "x" } });
    const agent = () => world.model.status(world.now).applications["db"]?.units["db/0"]?.agent.current;
    expect(agent()).toBe("executing");
    expect(world.next("db/0")).toBeNull();
    expect(agent()).toBe("idle");
  });

  test("leave at once, and end", () => {
    const { world } = played();
    world.forget();
    world.model.removeApplication("db", world.now);
    expect(world.next("db/0")).toEqual({ kind: "terminate" });
    world.settle();
    expect(world.traced("notes/0")).toEqual([
      "db-relation-departed UNIT=db/0 DEPARTING=db/0",
      "db-relation-broken APP=db",
    ]);
    expect(world.model.data.applications["db"]).toBeUndefined();
  });
});

describe("snapshots", () => {
  test("of a state that Juju could not have are refused", () => {
    const good = related().model.snapshot() as Record<string, any>;
    expect(ModelState.restore(good, seeded(1)).snapshot()).toEqual(good);
    const broken: readonly ((data: Record<string, any>) => void)[] = [
      (data) => void (data["applications"]["notes"].lease.holder = "pg/0"),
      (data) => void delete data["relations"]["0"],
      (data) => void (data["units"]["notes/0"].machine = "77"),
      (data) => void (data["relations"]["2"].units["pg/0"].values["k"] = ""),
      (data) => void (data["relations"]["2"].units["pg/0"].entered = false),
      (data) => void (data["units"]["notes/1"].agent.leader = true),
      (data) => void (data["units"]["notes/0"].agent.relations["2"].members["pg/0"] = 99),
      (data) =>
        void (data["units"]["notes/0"].ports = [
          { endpoint: "", protocol: "tcp", from: 80, to: 90 },
          { endpoint: "", protocol: "tcp", from: 85, to: 85 },
        ]),
      (data) => void (data["sequences"].machine = 0),
      (data) => void (data["units"]["notes/0"].agent.installed = false),
    ];
    for (const breakIt of broken) {
      const data = structuredClone(good);
      breakIt(data);
      expect(() => ModelState.restore(data, seeded(1)), breakIt.toString()).toThrow("not a state that Juju could have");
    }
    expect(() => ModelState.restore(null, seeded(1))).toThrow("not a snapshot");
  });

  test("taken in the middle of a hook and of an action: the agent has died", () => {
    const world = related();
    inExec(world, "pg/0");
    world.model.enqueueAction(["notes/0"], "backup", { level: 1 }, world.now);
    inNext(world, "notes/0");
    world.model = ModelState.restore(world.model.snapshot(), seeded(1));
    expect(world.next("notes/0")).toBeNull();
    expect(world.model.task(2)).toMatchObject({ status: "failed", message: "action terminated" });
    expect(world.next("pg/0")).toBeNull();
    world.checked();
  });
});

test("status: machines, relations and what is lost", () => {
  const world = related();
  world.model.agentStopped("notes/1", world.now);
  const status = world.model.status(world.now);
  expect(status.applications["notes"]?.units["notes/1"]).toMatchObject({
    workload: { current: "unknown", message: "agent lost, see 'juju show-status-log notes/1'" },
    agent: { current: "lost" },
  });
  expect(status.applications["notes"]?.relations).toEqual({
    cluster: [{ application: "notes", interface: "notes_cluster", scope: "global" }],
    db: [{ application: "pg", interface: "postgresql_client", scope: "global" }],
  });
  expect(
    status.relations.map(({ provider, requirer, type, status: word }) => [provider, requirer, type, word]),
  ).toEqual([
    ["notes:cluster", "notes:cluster", "peer", "joined"],
    ["pg:db", "notes:db", "regular", "joined"],
    ["pg:replicas", "pg:replicas", "peer", "joined"],
  ]);
  expect(status.machines["0"]).toMatchObject({
    agent: { current: "started" },
    instance: { message: "Running" },
    address: "10.0.0.10",
  });
});
