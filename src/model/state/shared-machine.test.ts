import { describe, expect, test } from "vitest";
import type { CharmInfo } from "./types.ts";
import { pgAlone } from "./testing/charms.ts";
import { alone, inExec, inNext } from "./testing/inside.ts";
import { exit, type World } from "./testing/world.ts";

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

  test("are both of charms: those that the model plays have no machine", () => {
    const world = together();
    const played = { ...pgAlone, channel: "16/stable" };
    const onto = (machine: string, charm: CharmInfo = played): void =>
      void world.model.deploy({ charm, name: "other", units: 1, config: {}, resources: {}, to: [machine], now: 0 });
    expect(() => onto("0")).toThrow(
      "cannot add unit to machine 0: the local model plays the new unit itself, which has no machine to share with notes/0. Leave --to out",
    );
    world.model.deploy({ charm: played, name: "db", units: 1, config: {}, resources: {}, now: world.now });
    const machine = world.model.data.units["db/0"]?.machine ?? "";
    expect(() => onto(machine, pgAlone)).toThrow("the local model plays db/0 itself");
    expect(world.model.data.applications["other"]).toBeUndefined();
  });
});
