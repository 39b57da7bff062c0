import { describe, expect, test } from "vitest";
import { notes, notesWithStorage, pgAlone } from "./testing/charms.ts";
import { World } from "./testing/world.ts";

function deployed(units: number, charm = notes): World {
  const world = new World();
  world.model.deploy({ charm, name: "notes", units, config: {}, resources: {}, now: world.now });
  world.boot();
  return world;
}

function withDatabase(units: number, charm = notes): World {
  const world = deployed(units, charm);
  world.model.deploy({ charm: pgAlone, units: 1, config: {}, resources: {}, now: world.now });
  world.boot();
  world.settle();
  world.model.integrate("notes:db", "pg:db", world.now);
  world.settle();
  return world;
}

describe("worked traces", () => {
  test("deploy of two units whose leader writes app data in leader-elected", () => {
    const world = deployed(2, notesWithStorage);
    world.charm = (hook) => {
      if (hook.name === "leader-elected") hook.tool("relation-set", "-r", "cluster:0", "--app", "key=value");
    };
    world.settle();
    expect(world.trace).toEqual({
      "notes/0": [
        "data-storage-attached",
        "install",
        "cluster-relation-created APP=notes",
        "leader-elected",
        "config-changed",
        "start",
        "cluster-relation-changed APP=notes",
        "cluster-relation-joined UNIT=notes/1",
        "cluster-relation-changed UNIT=notes/1",
      ],
      "notes/1": [
        "data-storage-attached",
        "install",
        "cluster-relation-created APP=notes",
        "leader-settings-changed",
        "config-changed",
        "start",
        "cluster-relation-changed APP=notes",
        "cluster-relation-joined UNIT=notes/0",
        "cluster-relation-changed UNIT=notes/0",
      ],
    });
  });

  test("integrate later, then the provider's leader writes app data", () => {
    const world = deployed(2);
    world.model.deploy({ charm: pgAlone, units: 1, config: {}, resources: {}, now: world.now });
    world.boot();
    world.settle();
    world.forget();
    world.model.integrate("notes:db", "pg:db", world.now);
    world.settle();
    for (const unit of ["notes/0", "notes/1"]) {
      expect(world.traced(unit)).toEqual([
        "db-relation-created APP=pg",
        "db-relation-joined UNIT=pg/0",
        "db-relation-changed UNIT=pg/0",
      ]);
    }
    expect(world.traced("pg/0")).toEqual([
      "db-relation-created APP=notes",
      "db-relation-joined UNIT=notes/0",
      "db-relation-changed UNIT=notes/0",
      "db-relation-joined UNIT=notes/1",
      "db-relation-changed UNIT=notes/1",
    ]);
    world.charm = (hook) => {
      if (hook.name === "exec") hook.tool("relation-set", "-r", "1", "--app", "endpoints=10.0.0.12:5432");
    };
    world.model.enqueueExec(["pg/leader"], "write", world.now);
    world.settle();
    expect(world.traced("notes/0")).toEqual(["db-relation-changed APP=pg"]);
    expect(world.traced("notes/1")).toEqual(["db-relation-changed APP=pg"]);
    expect(world.traced("pg/0")).toEqual(["exec"]);
  });

  test("remove-unit", () => {
    const world = withDatabase(2, notesWithStorage);
    world.forget();
    expect(world.model.removeUnits(["notes/1"], world.now)).toEqual([
      "will remove unit notes/1",
      "- will remove storage data/1",
    ]);
    world.settle();
    expect(world.traced("notes/1")).toEqual([
      "data-storage-detaching",
      "db-relation-departed UNIT=pg/0 DEPARTING=notes/1",
      "db-relation-broken APP=pg",
      "cluster-relation-departed UNIT=notes/0 DEPARTING=notes/1",
      "stop",
      "remove",
    ]);
    expect(world.traced("notes/0")).toEqual(["cluster-relation-departed UNIT=notes/1 DEPARTING=notes/1"]);
    expect(world.traced("pg/0")).toEqual(["db-relation-departed UNIT=notes/1 DEPARTING=notes/1"]);
    expect(world.model.data.units["notes/1"]).toBeUndefined();
    expect(world.model.data.machines["1"]?.life).toBe("dead");
  });

  test("others see a unit depart while its own hooks are still to come", () => {
    const world = withDatabase(2);
    world.forget();
    world.model.removeUnits(["notes/1"], world.now);
    while (world.step("notes/0") || world.step("pg/0"));
    expect(world.traced("notes/0")).toEqual(["cluster-relation-departed UNIT=notes/1 DEPARTING=notes/1"]);
    expect(world.traced("pg/0")).toEqual(["db-relation-departed UNIT=notes/1 DEPARTING=notes/1"]);
    expect(world.trace["notes/1"]).toEqual([]);
  });

  test("a removed leader keeps the lease until it is dead, then the successor is elected at once", () => {
    const world = deployed(2);
    world.settle();
    world.forget();
    world.model.removeUnits(["notes/0"], world.now);
    const led: string[] = [];
    world.charm = (hook) => {
      if (hook.unit === "notes/0" && hook.name !== "terminate") led.push(`${hook.name} ${hook.tool("is-leader")}`);
    };
    world.settle();
    expect(led).toEqual(["cluster-relation-departed True", "stop True", "remove True"]);
    expect(world.traced("notes/1")).toEqual([
      "cluster-relation-departed UNIT=notes/0 DEPARTING=notes/0",
      "leader-elected",
    ]);
  });

  test("remove-relation", () => {
    const world = withDatabase(1);
    world.forget();
    world.model.removeRelation("notes", "pg", world.now);
    world.settle();
    expect(world.traced("notes/0")).toEqual([
      "db-relation-departed UNIT=pg/0 DEPARTING=pg/0",
      "db-relation-broken APP=pg",
    ]);
    expect(world.traced("pg/0")).toEqual([
      "db-relation-departed UNIT=notes/0 DEPARTING=notes/0",
      "db-relation-broken APP=notes",
    ]);
    expect(Object.keys(world.model.data.relations)).toEqual(["0"]);
  });

  test("the leader's machine is lost: another one leads within 60 s, and no relation departs", () => {
    const world = withDatabase(2);
    world.model.setModelConfig({ "update-status-hook-interval": "60m" }, world.now);
    world.now += 45_000;
    world.forget();
    world.model.agentStopped("notes/0", world.now);
    world.pass(29_000);
    expect(world.traced("notes/1")).toEqual([]);
    world.pass(31_000);
    expect(world.traced("notes/1")).toEqual(["leader-elected"]);
    expect(world.traced("pg/0")).toEqual([]);
    world.model.agentStarted("notes/0", world.now, { rebooted: false });
    world.settle();
    expect(world.traced("notes/0")).toEqual(["leader-settings-changed"]);
  });

  test("refresh", () => {
    const world = deployed(2);
    world.settle();
    world.forget();
    expect(world.model.refresh("notes", notes, { forceUnits: false })).toEqual([
      'Added local charm "notes", revision 1, to the model',
    ]);
    world.settle();
    expect(world.traced("notes/0")).toEqual(["upgrade-charm", "config-changed"]);
    expect(world.traced("notes/1")).toEqual(["upgrade-charm", "config-changed", "leader-settings-changed"]);
  });

  test("remove-application: every unit as in remove-unit, and everything is gone", () => {
    const world = withDatabase(2);
    world.forget();
    world.model.removeApplication("pg", world.now);
    world.settle();
    expect(world.traced("notes/0")).toEqual([
      "db-relation-departed UNIT=pg/0 DEPARTING=pg/0",
      "db-relation-broken APP=pg",
    ]);
    expect(world.traced("pg/0")).toEqual([
      "db-relation-departed UNIT=notes/0 DEPARTING=pg/0",
      "db-relation-departed UNIT=notes/1 DEPARTING=pg/0",
      "db-relation-broken APP=notes",
      "stop",
      "remove",
    ]);
    expect(Object.keys(world.model.data.applications)).toEqual(["notes"]);
    world.model.removeApplication("notes", world.now);
    world.settle();
    expect(world.model.data.applications).toEqual({});
    expect(world.model.data.relations).toEqual({});
    expect(Object.values(world.model.data.machines).map((machine) => machine.life)).toEqual(["dead", "dead", "dead"]);
  });
});
