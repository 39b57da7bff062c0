import { describe, expect, test } from "vitest";
import { inChanged, inExec, inNext, related } from "./testing/inside.ts";
import { charm, NOTES, notes, notesWithStorage, pgAlone } from "./testing/charms.ts";
import { exit, World } from "./testing/world.ts";

const KILLED = { signal: "SIGKILL", stdout: "", stderr: "" };

function alone(options: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World({ uuid: "9c1f3e00-0000-4000-8000-000000000001", ...options });
  world.model.deploy({ charm: notes, units: 1, config: {}, resources: {}, now: world.now });
  world.boot();
  return world;
}

function workload(world: World, unit = "notes/0"): string[] {
  const { workload: own, agent } = world.model.status(world.now).applications["notes"]!.units[unit]!;
  return [own.current, own.message, agent.current, agent.message];
}

describe("environment", () => {
  test("of a plain hook: exactly this", () => {
    const world = alone();
    world.step("notes/0");
    const hook = inNext(world, "notes/0");
    expect(hook.environment["JUJU_CONTEXT_ID"]).toMatch(/^notes\/0-install-[0-9a-f]{32}$/);
    expect(hook.environment).toEqual({
      CHARM_DIR: "/var/lib/juju/agents/unit/charm",
      JUJU_CHARM_DIR: "/var/lib/juju/agents/unit/charm",
      JUJU_CONTEXT_ID: hook.run.contextId,
      JUJU_HOOK_NAME: "install",
      JUJU_AGENT_SOCKET_ADDRESS: "/var/lib/juju/agents/unit/agent.socket",
      JUJU_AGENT_SOCKET_NETWORK: "unix",
      JUJU_UNIT_NAME: "notes/0",
      JUJU_MODEL_UUID: "9c1f3e00-0000-4000-8000-000000000001",
      JUJU_MODEL_NAME: "test",
      JUJU_API_ADDRESSES: "10.0.0.1:17070 10.0.0.2:17070",
      JUJU_SLA: "unsupported",
      JUJU_MACHINE_ID: "0",
      JUJU_PRINCIPAL_UNIT: "",
      JUJU_AVAILABILITY_ZONE: "",
      JUJU_VERSION: "3.6.28",
      CLOUD_API_VERSION: "",
      JUJU_CHARM_HTTP_PROXY: "",
      JUJU_CHARM_HTTPS_PROXY: "",
      JUJU_CHARM_FTP_PROXY: "",
      JUJU_CHARM_NO_PROXY: "127.0.0.1,localhost,::1",
      PATH: "/var/lib/juju/tools/unit",
      APT_LISTCHANGES_FRONTEND: "none",
      DEBIAN_FRONTEND: "noninteractive",
      JUJU_DISPATCH_PATH: "hooks/install",
    });
  });

  test("proxies of the model", () => {
    const world = alone();
    world.model.setModelConfig({ "juju-https-proxy": "http://p:1", "http-proxy": "http://q:2" }, world.now);
    world.step("notes/0");
    expect(inNext(world, "notes/0").environment).toMatchObject({
      JUJU_CHARM_HTTPS_PROXY: "http://p:1",
      http_proxy: "http://q:2",
      HTTP_PROXY: "http://q:2",
      no_proxy: "127.0.0.1,localhost,::1",
      NO_PROXY: "127.0.0.1,localhost,::1",
    });
  });

  test("of a relation hook", () => {
    const { environment } = inChanged(related(), "app");
    expect(environment).toMatchObject({
      JUJU_HOOK_NAME: "db-relation-changed",
      JUJU_RELATION: "db",
      JUJU_RELATION_ID: "db:2",
      JUJU_REMOTE_UNIT: "",
      JUJU_REMOTE_APP: "pg",
    });
    expect(environment).not.toHaveProperty("JUJU_DEPARTING_UNIT");
  });

  test("of an action and of scripts", () => {
    const world = related();
    world.model.enqueueAction(["notes/leader"], "backup", { level: 1 }, world.now);
    world.model.enqueueExec(["notes/1"], "true", world.now);
    const action = inNext(world, "notes/0");
    expect(action.environment).toMatchObject({
      JUJU_HOOK_NAME: "",
      JUJU_ACTION_NAME: "backup",
      JUJU_ACTION_UUID: "2",
      JUJU_ACTION_TAG: "action-2",
      JUJU_DISPATCH_PATH: "actions/backup",
    });
    const exec = inNext(world, "notes/1");
    expect(exec.environment).toMatchObject({ JUJU_HOOK_NAME: "", JUJU_ACTION_NAME: "juju-exec" });
    expect(exec.environment).not.toHaveProperty("JUJU_DISPATCH_PATH");
    const command = inExec(related(), "notes/0");
    expect(command.environment["JUJU_CONTEXT_ID"]).toMatch(/^notes\/0-run-commands-/);
    expect(command.environment).not.toHaveProperty("JUJU_ACTION_NAME");
  });

  test("of a script in a relation", () => {
    const world = related();
    world.model.enqueueCommand("notes/0", "true", { relationId: 2, remoteUnit: "pg/1" }, world.now);
    const hook = inNext(world, "notes/0");
    expect(hook.environment).toMatchObject({ JUJU_RELATION_ID: "db:2", JUJU_REMOTE_UNIT: "pg/1", JUJU_REMOTE_APP: "" });
    expect(hook.tool("relation-get", "private-address")).toBe("10.0.0.13");
  });

  test("of a storage hook", () => {
    const world = new World();
    world.model.deploy({ charm: notesWithStorage, units: 1, config: {}, resources: {}, now: world.now });
    world.boot();
    world.step("notes/0");
    const hook = inNext(world, "notes/0");
    expect(hook.environment).toMatchObject({
      JUJU_STORAGE_ID: "data/0",
      JUJU_STORAGE_LOCATION: "/srv/data",
      JUJU_STORAGE_KIND: "filesystem",
    });
    expect(hook.json("storage-get")).toEqual({ kind: "filesystem", location: "/srv/data" });
  });
});

describe("first deployment", () => {
  test("statuses on the way", () => {
    const world = new World();
    world.model.deploy({ charm: notes, units: 1, config: {}, resources: {}, now: world.now });
    const seen = [workload(world)];
    world.model.setMachine("0", { status: "started", address: "10.0.0.10" }, world.now);
    seen.push(workload(world));
    world.boot();
    seen.push(workload(world));
    world.charm = (hook) => {
      if (hook.name === "install" || hook.name === "start") seen.push(workload(world));
    };
    world.settle();
    seen.push(workload(world));
    expect(seen).toEqual([
      ["waiting", "waiting for machine", "allocating", ""],
      ["waiting", "installing agent", "allocating", ""],
      ["waiting", "agent initialising", "allocating", ""],
      ["maintenance", "installing charm software", "executing", "running install hook"],
      ["maintenance", "installing charm software", "executing", "running start hook"],
      ["unknown", "", "idle", ""],
    ]);
  });

  test("no relation scope is entered before install is done; then in all relations at once", () => {
    const world = new World();
    world.model.deploy({ charm: notes, units: 2, config: {}, resources: {}, now: world.now });
    world.boot();
    world.step("notes/0");
    const hook = inNext(world, "notes/0");
    expect(hook.json("relation-ids", "cluster")).toEqual([]);
    expect(hook.try(["relation-get", "-r", "cluster:0", "-", "notes/1"]).stderr).toContain("relation not found");
    expect(hook.tool("is-leader")).toBe("True");
    world.finish(hook, exit(0));
    expect(inNext(world, "notes/0").json("relation-ids", "cluster")).toEqual(["cluster:0"]);
  });

  test("a relation made between config-changed and start waits until after start", () => {
    const world = alone();
    world.model.deploy({
      charm: charm(
        NOTES.replace("notes\n", "other\n")
          .replace("requires: {db", "provides: {db")
          .replace("provides: {site: {interface: http}}\n", "")
          .replace(", limit: 1", ""),
      ),
      units: 1,
      config: {},
      resources: {},
      now: world.now,
    });
    while (world.traced("notes/0").at(-1) !== "config-changed") world.step("notes/0");
    world.model.integrate("notes:db", "other:db", world.now);
    world.settle();
    expect(world.traced("notes/0").slice(0, 2)).toEqual(["start", "db-relation-created APP=other"]);
  });

  test("a charm that sets its status before install keeps it, and its status after start", () => {
    const world = new World();
    world.model.deploy({ charm: notesWithStorage, units: 1, config: {}, resources: {}, now: world.now });
    world.boot();
    world.charm = (hook) => {
      if (hook.name === "data-storage-attached") hook.tool("status-set", "waiting", "for storage");
    };
    world.settle();
    expect(workload(world)).toEqual(["waiting", "for storage", "idle", ""]);
  });

  test("a unit whose agent never ran is removed without a hook, and its number is not used again", () => {
    const world = alone();
    world.settle();
    world.model.addUnits("notes", 1, world.now);
    world.model.removeUnits(["notes/1"], world.now);
    expect(Object.keys(world.model.data.units)).toEqual(["notes/0"]);
    world.settle();
    expect(world.traced("notes/0")).not.toContain("cluster-relation-joined UNIT=notes/1");
    expect(world.model.addUnits("notes", 1, world.now)).toEqual(["notes/2"]);
  });

  test("a unit that dies before install runs no hook", () => {
    const world = alone();
    world.step("notes/0");
    world.model.removeUnits(["notes/0"], world.now);
    world.settle();
    expect(world.trace["notes/0"]).toBeUndefined();
    expect(world.model.data.units).toEqual({});
  });
});

describe("config-changed", () => {
  const changes: readonly (readonly [string, (world: World) => void, number])[] = [
    ["a new value", ({ model }) => model.setConfig("notes", { size: "4" }), 1],
    ["the default stored explicitly", ({ model }) => model.setConfig("notes", { size: "3" }), 1],
    ["what is stored already", ({ model }) => model.setConfig("notes", { title: "kept" }), 0],
    ["reset of a stored value", ({ model }) => model.resetConfig("notes", ["title"]), 1],
    ["reset of what was never stored", ({ model }) => model.resetConfig("notes", ["size"]), 0],
    [
      "there and back",
      ({ model }) => {
        model.setConfig("notes", { title: "other" });
        model.setConfig("notes", { title: "kept" });
      },
      0,
    ],
    ["another address", ({ model, now }) => model.setMachine("0", { address: "10.0.0.99" }, now), 1],
  ];
  test.each(changes)("%s", (_, change, times) => {
    const world = new World();
    world.model.deploy({ charm: notes, units: 1, config: { title: "kept" }, resources: {}, now: world.now });
    world.boot();
    world.settle();
    world.forget();
    change(world);
    world.settle();
    expect(world.traced("notes/0")).toEqual(Array.from({ length: times }, () => "config-changed"));
  });

  test("brings addresses in the unit's bags up to date afterwards", () => {
    const world = related();
    world.model.setMachine("0", { address: "10.0.0.99" }, world.now);
    world.forget();
    world.settle();
    expect(world.traced("notes/0")).toEqual(["config-changed"]);
    expect(world.traced("pg/0")).toEqual(["db-relation-changed UNIT=notes/0"]);
    expect(world.model.data.relations["2"]?.units["notes/0"]?.values["private-address"]).toBe("10.0.0.99");
  });

  test("a restart of the agent alone fires none", () => {
    const world = related();
    world.forget();
    world.model.agentStarted("notes/0", world.now, { rebooted: false });
    world.model.agentStarted("notes/1", world.now, { rebooted: false });
    world.settle();
    expect(world.traced("notes/0")).toEqual([]);
    expect(world.traced("notes/1")).toEqual(["leader-settings-changed"]);
  });
});

describe("how a hook ends", () => {
  test("well: what it held back is committed", () => {
    const world = related();
    const hook = inChanged(world, "unit");
    hook.tool("relation-set", "a=b");
    hook.tool("state-set", "k=v");
    const version = world.model.data.relations["2"]?.units["notes/0"]?.version;
    expect(world.model.data.relations["2"]?.units["notes/0"]?.values["a"]).toBeUndefined();
    world.finish(hook, exit(0));
    expect(world.model.data.relations["2"]?.units["notes/0"]).toMatchObject({
      values: { a: "b" },
      version: version! + 1,
    });
    expect(world.model.data.units["notes/0"]?.state).toEqual({ k: "v" });
  });

  test("badly: dropped, but statuses and leader settings stay; it is retried", () => {
    const world = related();
    const hook = inChanged(world, "unit");
    hook.tool("relation-set", "a=b");
    hook.tool("status-set", "waiting", "kept");
    hook.tool("leader-set", "kept=yes");
    hook.tool("application-version-set", "1.2");
    world.finish(hook, exit(3));
    expect(world.next("notes/0")).toBeNull();
    expect(workload(world)).toEqual(["error", 'hook failed: "db-relation-changed"', "idle", ""]);
    expect(world.model.data.relations["2"]?.units["notes/0"]?.values["a"]).toBeUndefined();
    expect(world.model.data.applications["notes"]).toMatchObject({ version: "1.2", leaderSettings: { kept: "yes" } });
    expect(world.model.data.units["notes/0"]?.workload.message).toBe("kept");
    expect(world.model.drainLog().at(-1)).toMatchObject({
      level: "ERROR",
      message: 'hook "db-relation-changed" (via hook dispatching script: dispatch) failed: exit status 3',
    });
  });

  test("retries come after 5 s, doubling up to 5 min", () => {
    const world = alone();
    const times: number[] = [];
    world.charm = (hook) => {
      if (hook.name !== "install") return 0;
      times.push(world.now);
      return 1;
    };
    world.settle();
    world.pass(30 * 60_000);
    const waits = times.slice(1).map((time, index) => Math.round((time - times[index]!) / 1000));
    for (const [index, wait] of waits.entries()) {
      const wanted = Math.min(5 * 2 ** index, 300);
      expect(Math.abs(wait - wanted)).toBeLessThanOrEqual(wanted * 0.03 + 1);
    }
    expect(waits.length).toBeGreaterThan(8);
  });

  test("without automatically-retry-hooks it waits for resolved", () => {
    const world = alone();
    world.model.setModelConfig({ "automatically-retry-hooks": "false" }, world.now);
    world.charm = (hook) => (hook.name === "install" ? 1 : 0);
    world.settle();
    world.pass(3_600_000);
    expect(world.traced("notes/0")).toEqual(["install"]);
    expect(() => world.model.resolved("notes/9", { retry: true })).toThrow('unit "notes/9" not found');
    world.model.resolved("notes/0", { retry: true });
    expect(() => world.model.resolved("notes/0", { retry: true })).toThrow("already resolved");
    world.settle();
    expect(world.traced("notes/0")).toEqual(["install"]);
    world.model.resolved("notes/0", { retry: false });
    world.charm = () => 0;
    world.settle();
    expect(world.traced("notes/0")).toEqual([
      "cluster-relation-created APP=notes",
      "leader-elected",
      "config-changed",
      "start",
    ]);
    expect(() => world.model.resolved("notes/0", { retry: true })).toThrow('unit "notes/0" is not in an error state');
  });

  test("killed from outside: no error, the same hook again", () => {
    const world = related();
    world.finish(inChanged(world, "unit"), KILLED);
    expect(workload(world)[0]).toBe("unknown");
    expect(inNext(world, "notes/0").name).toBe("db-relation-changed");
  });

  test("its agent dies: an error, until it is retried", () => {
    const world = related();
    const hook = inChanged(world, "unit");
    world.model.agentStarted("notes/0", world.now, { rebooted: false });
    expect(world.next("notes/0")).toBeNull();
    expect(workload(world)[0]).toBe("error");
    world.finish(hook, exit(0));
    expect(workload(world)[0]).toBe("error");
    world.now += 6_000;
    expect(inNext(world, "notes/0").name).toBe("db-relation-changed");
  });

  test("without dispatch and without the hook's own file it is skipped", () => {
    const world = alone();
    world.charm = (hook) => (hook.name === "install" ? { missing: true } : 0);
    world.settle();
    expect(world.model.drainLog().map((line) => line.message)).toContain('skipped "install" hook (missing)');
    expect(world.model.data.units["notes/0"]?.agent.started).toBe(true);
  });

  test("app data written by a leader that has lost its lease meanwhile fails the commit", () => {
    const world = related();
    const hook = inChanged(world, "unit");
    hook.tool("relation-set", "--app", "a=b");
    world.model.agentStopped("notes/1", world.now);
    const data = world.model.data.applications["notes"] as { lease: unknown };
    data.lease = { holder: "notes/1", since: world.now, expires: world.now + 60_000 };
    world.finish(hook, exit(0));
    expect(world.model.drainLog().at(-1)?.message).toContain('"notes/0" is not leader of "notes"');
    expect(world.model.data.relations["2"]?.apps["notes"]?.values).toEqual({});
  });
});

describe("what a hook sees", () => {
  test("a remote unit's bag that was read stays as it was, over hooks, until an event for that unit", () => {
    const world = related();
    const read = (unit: string) => {
      const hook = inExec(world, "notes/0");
      const value = hook.json("relation-get", "-r", "2", "serial", unit);
      world.finish(hook, exit(0));
      return value;
    };
    const write = (unit: string, serial: string) => {
      const hook = inExec(world, unit);
      hook.tool("relation-set", "-r", "2", `serial=${serial}`);
      world.finish(hook, exit(0));
    };
    write("pg/0", "1");
    world.settle();
    expect(read("pg/0")).toBe("1");
    write("pg/0", "2");
    write("pg/1", "9");
    expect(read("pg/0")).toBe("1");
    expect(read("pg/1")).toBe("9");
    world.settle();
    expect(read("pg/0")).toBe("2");
    write("pg/0", "3");
    expect(read("pg/0")).toBe("2");
    world.model.agentStarted("notes/0", world.now, { rebooted: false });
    expect(read("pg/0")).toBe("3");
  });

  test("a remote application's bag is read once per hook only", () => {
    const world = related();
    const hook = inExec(world, "notes/0");
    expect(hook.json("relation-get", "-r", "2", "--app", "-", "pg")).toEqual({});
    const writer = inExec(world, "pg/0");
    writer.tool("relation-set", "-r", "2", "--app", "a=b");
    world.finish(writer, exit(0));
    expect(hook.json("relation-get", "-r", "2", "--app", "-", "pg")).toEqual({});
    world.finish(hook, exit(0));
    expect(inExec(world, "notes/0").json("relation-get", "-r", "2", "--app", "-", "pg")).toEqual({ a: "b" });
  });

  test("members are those whose joined was committed, and the one of the running hook", () => {
    const world = related();
    world.model.addUnits("pg", 1, world.now);
    world.boot();
    while (world.step("pg/2"));
    const exec = inExec(world, "notes/0");
    expect(exec.json("relation-list", "-r", "2")).toEqual(["pg/0", "pg/1"]);
    world.finish(exec, exit(0));
    const joined = inNext(world, "notes/0");
    expect(joined.name).toBe("db-relation-joined");
    expect(joined.json("relation-list")).toEqual(["pg/0", "pg/1", "pg/2"]);
  });

  test("writes that change nothing, and own unit bags, make no event", () => {
    const world = related();
    world.forget();
    for (const value of ["b", "b"]) {
      const hook = inExec(world, "notes/0");
      hook.tool("relation-set", "-r", "0", `a=${value}`);
      world.finish(hook, exit(0));
    }
    world.settle();
    expect(world.traced("notes/0")).toEqual([]);
    expect(world.traced("notes/1")).toEqual(["cluster-relation-changed UNIT=notes/0"]);
  });

  test("a new unit in a relation whose remote app bag is written sees that first", () => {
    const world = related();
    const hook = inExec(world, "pg/0");
    hook.tool("relation-set", "-r", "2", "--app", "a=b");
    world.finish(hook, exit(0));
    world.settle();
    world.model.addUnits("notes", 1, world.now);
    world.boot();
    world.settle();
    const trace = world.traced("notes/2").filter((line) => line.startsWith("db-"));
    expect(trace.slice(0, 3)).toEqual([
      "db-relation-created APP=pg",
      "db-relation-changed APP=pg",
      "db-relation-joined UNIT=pg/0",
    ]);
  });
});

describe("leadership", () => {
  test("leader-set tells the others", () => {
    const world = related();
    const hook = inExec(world, "notes/0");
    hook.tool("leader-set", "a=b");
    world.finish(hook, exit(0));
    world.forget();
    world.settle();
    expect(world.traced("notes/0")).toEqual([]);
    expect(world.traced("notes/1")).toEqual(["leader-settings-changed"]);
  });

  test.each([
    [0, 60_000],
    [29_000, 31_000],
    [31_000, 59_000],
    [3_600_000, 60_000],
  ])("held for %d ms when its agent goes: runs out after %d ms more", (held, rest) => {
    const world = related();
    const since = world.model.data.applications["notes"]!.lease!.since;
    world.now = since + held;
    world.model.agentStopped("notes/0", world.now);
    world.model.tick(world.now + rest - 1);
    expect(world.model.data.applications["notes"]!.lease!.holder).toBe("notes/0");
    world.model.tick(world.now + rest);
    expect(world.model.data.applications["notes"]!.lease!.holder).toBe("notes/1");
  });

  test("the agent back in time keeps the lease, without another leader-elected", () => {
    const world = related();
    world.model.agentStopped("notes/0", world.now);
    world.now += 20_000;
    world.model.agentStarted("notes/0", world.now, { rebooted: false });
    world.forget();
    world.pass(70_000);
    expect(world.traced("notes/0")).toEqual([]);
    expect(world.model.data.applications["notes"]!.lease!.holder).toBe("notes/0");
  });

  test("a failed leader-elected is skipped once leadership is lost", () => {
    const world = new World();
    world.model.deploy({ charm: notes, units: 2, config: {}, resources: {}, now: world.now });
    world.boot();
    world.charm = (hook) => (hook.name === "leader-elected" && hook.unit === "notes/0" ? 1 : 0);
    world.settle();
    world.model.agentStopped("notes/0", world.now);
    world.now += 61_000;
    world.model.tick(world.now);
    world.model.agentStarted("notes/0", world.now, { rebooted: false });
    world.forget();
    world.settle();
    expect(world.traced("notes/0").slice(0, 2)).toEqual(["leader-settings-changed", "config-changed"]);
  });
});

describe("time", () => {
  test("update-status comes within 20 % of the interval, and only when nothing else is to do", () => {
    const world = alone();
    world.settle();
    world.forget();
    const times: number[] = [];
    world.charm = (hook) => {
      if (hook.name === "update-status") times.push(world.now);
    };
    const start = world.now;
    world.pass(3_600_000);
    const waits = times.map((time, index) => time - (times[index - 1] ?? start));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(240_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(360_000);
    expect(times.length).toBeGreaterThanOrEqual(10);
  });

  test("a tick that came before another hook began is swallowed by it", () => {
    const world = alone();
    world.settle();
    world.forget();
    world.now += 361_000;
    world.model.setConfig("notes", { size: "7" });
    world.model.tick(world.now);
    world.settle();
    expect(world.traced("notes/0")).toEqual(["config-changed"]);
  });

  test("a tick that comes during a hook is kept", () => {
    const world = alone();
    world.settle();
    world.forget();
    world.model.setConfig("notes", { size: "7" });
    const hook = inNext(world, "notes/0");
    world.now += 361_000;
    world.model.tick(world.now);
    world.finish(hook, exit(0));
    world.settle();
    expect(world.traced("notes/0")).toEqual(["update-status"]);
  });

  test("update-status comes after everything else", () => {
    const world = related();
    const writer = inExec(world, "pg/0");
    writer.tool("relation-set", "-r", "2", "a=b");
    world.finish(writer, exit(0));
    world.now += 361_000;
    world.model.tick(world.now);
    world.forget();
    world.settle();
    expect(world.traced("notes/0")).toEqual(["db-relation-changed UNIT=pg/0"]);
    expect(world.traced("pg/1")).toEqual(["update-status"]);
  });

  test("a model at rest asks for nothing but update-status", () => {
    const world = alone();
    world.settle();
    const { revision } = world.model;
    world.model.tick(world.now + 1000);
    expect(world.next("notes/0")).toBeNull();
    expect(world.model.revision).toBe(revision);
    expect(world.model.nextDeadline()).toBe(world.model.data.units["notes/0"]!.agent.updateStatus!.due);
  });
});

test("a reboot runs start first, after a hook that was in progress", () => {
  const world = related();
  world.forget();
  world.finish(inChanged(world, "unit"), KILLED);
  world.model.setConfig("notes", { size: "8" });
  world.model.agentStarted("notes/0", world.now, { rebooted: true });
  world.settle();
  expect(world.traced("notes/0")).toEqual(["db-relation-changed UNIT=pg/0", "start", "config-changed"]);
});

describe("two units on one machine", () => {
  function together(): World {
    const world = alone();
    world.model.deploy({ charm: pgAlone, units: 1, config: {}, resources: {}, to: ["0"], now: world.now });
    world.boot();
    world.settle();
    return world;
  }

  test("run one at a time, but actions that are parallel", () => {
    const world = together();
    const hook = inExec(world, "notes/0");
    world.model.setConfig("notes", { size: "7" });
    world.model.enqueueExec(["pg/0"], "true", world.now);
    expect(world.next("pg/0")).toBeNull();
    world.finish(hook, exit(0));
    const other = inNext(world, "pg/0");
    expect(world.next("notes/0")).toBeNull();
    world.model.enqueueAction(["notes/0"], "watch", {}, world.now);
    expect(world.next("notes/0")).toMatchObject({ kind: "action", name: "watch" });
    world.finish(other, exit(0));
  });

  test("share its ports", () => {
    const world = together();
    const hook = inExec(world, "notes/0");
    hook.tool("open-port", "80");
    world.finish(hook, exit(0));
    for (const range of ["80", "79-90"]) {
      const { stderr } = inExec(world, "pg/0").try(["open-port", range]);
      expect(stderr).toBe(
        `ERROR cannot open ${range}/tcp (unit "pg/0"): port range conflicts with 80/tcp (unit "notes/0")\n`,
      );
      world.model.agentStarted("pg/0", world.now, { rebooted: false });
    }
  });

  test("keep it until both are gone", () => {
    const world = together();
    world.model.removeUnits(["notes/0"], world.now);
    world.settle();
    expect(world.model.data.machines["0"]?.life).toBe("alive");
    expect(() => world.model.addUnits("pg", 1, world.now, ["7"])).toThrow("machine 7 not found");
    world.model.removeApplication("pg", world.now);
    world.settle();
    expect(world.model.data.machines["0"]?.life).toBe("dead");
    world.model.machineGone("0");
    expect(world.model.data.machines).toEqual({});
  });
});

describe("upgrades", () => {
  test("attach-resource runs upgrade-charm though the charm is the same", () => {
    const world = related();
    world.forget();
    world.model.attachResource("notes", "image", "/host/new");
    world.settle();
    expect(world.traced("notes/0")).toEqual(["upgrade-charm", "config-changed"]);
    expect(() => world.model.attachResource("notes", "none", "/x")).toThrow('unrecognized resource "none"');
  });

  test("a relation that is new in the charm gives relation-created afterwards", () => {
    const world = alone();
    world.settle();
    world.forget();
    const newer = charm(NOTES.replace("peers: {", "peers: {fresh: {interface: f}, "));
    world.model.refresh("notes", newer, { forceUnits: false });
    world.settle();
    expect(world.traced("notes/0")).toEqual(["upgrade-charm", "config-changed", "fresh-relation-created APP=notes"]);
  });

  test("waits in hook error, unless forced; then the failed hook comes again", () => {
    const world = alone();
    world.charm = (hook) => (hook.name === "config-changed" ? 1 : 0);
    world.settle();
    world.model.refresh("notes", notes, { forceUnits: false });
    expect(world.next("notes/0")).toBeNull();
    world.model.refresh("notes", notes, { forceUnits: true });
    expect(world.next("notes/0")).toEqual({ kind: "deploy" });
    world.step("notes/0");
    world.charm = () => 0;
    world.forget();
    world.pass(10_000);
    expect(world.traced("notes/0")).toEqual(["config-changed", "start"]);
  });

  test("a charm of another name, or without a related endpoint, is refused", () => {
    const world = related();
    const other = charm(NOTES.replace("name: notes", "name: other"));
    expect(() => world.model.refresh("notes", other, { forceUnits: false })).toThrow(
      'cannot upgrade "notes" to "other"',
    );
    const less = charm(NOTES.replace("db: {interface: postgresql_client, limit: 1}", ""));
    expect(() => world.model.refresh("notes", less, { forceUnits: false })).toThrow('would break relation "notes:db"');
  });
});

describe("behaviour of Juju that none of its tests pins, as a switch", () => {
  test("after an agent restart a dying unit runs relation-broken of its peer relation", () => {
    for (const [on, last] of [
      [true, ["cluster-relation-broken APP=", "stop", "remove"]],
      [false, ["stop", "remove"]],
    ] as const) {
      const world = alone({ inferred: { peerBrokenAfterRestart: on } });
      world.settle();
      world.model.agentStarted("notes/0", world.now, { rebooted: false });
      world.forget();
      world.model.removeUnits(["notes/0"], world.now);
      world.settle();
      expect(world.traced("notes/0")).toEqual(last);
    }
  });

  test("secret-changed after a very first read of revision 2", () => {
    for (const [on, hooks] of [
      [true, ["secret-changed"]],
      [false, []],
    ] as const) {
      const world = related();
      (world.model.data.inferred as { secretChangedOnFirstRead: boolean }).secretChangedOnFirstRead = on;
      const owner = inExec(world, "notes/0");
      const uri = owner.tool("secret-add", "password=one");
      world.finish(owner, exit(0));
      const writer = inExec(world, "notes/0");
      writer.tool("secret-set", uri, "password=two");
      world.finish(writer, exit(0));
      world.settle();
      world.forget();
      const reader = inExec(world, "notes/1");
      reader.tool("secret-get", uri);
      world.finish(reader, exit(0));
      world.settle();
      expect(world.traced("notes/1")).toEqual(hooks);
    }
  });
});
