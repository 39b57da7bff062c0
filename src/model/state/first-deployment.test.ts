import { describe, expect, test } from "vitest";
import { charm, NOTES, notes, notesWithStorage } from "./testing/charms.ts";
import { alone, inNext } from "./testing/inside.ts";
import { exit, World } from "./testing/world.ts";

function workload(world: World, unit = "notes/0"): string[] {
  const { workload: own, agent } = world.model.status(world.now).applications["notes"]!.units[unit]!;
  return [own.current, own.message, agent.current, agent.message];
}

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
