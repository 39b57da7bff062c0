import { describe, expect, test } from "vitest";
import { notes } from "./testing/charms.ts";
import { inExec, inNext, related } from "./testing/inside.ts";
import { exit, World } from "./testing/world.ts";

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
