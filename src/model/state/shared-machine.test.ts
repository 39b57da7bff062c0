import { describe, expect, test } from "vitest";
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
});
