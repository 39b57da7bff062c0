import { describe, expect, test } from "vitest";
import { notes } from "./testing/charms.ts";
import { inExec, related } from "./testing/inside.ts";
import { exit, World } from "./testing/world.ts";

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

  test("a lease that expires under a connected leader passes to another unit", () => {
    const world = related();
    world.forget();
    world.model.expireLease("notes", world.now);
    world.settle();
    expect(world.model.data.applications["notes"]!.lease!.holder).toBe("notes/1");
    expect(world.traced("notes/1")).toEqual(["leader-elected"]);
    expect(world.traced("notes/0")).toEqual(["leader-settings-changed"]);
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
