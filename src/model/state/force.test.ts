import { expect, test } from "vitest";
import { exit, type World } from "./testing/world.ts";
import { inExec, inNext, related } from "./testing/inside.ts";
import { ModelState } from "./model.ts";

const MINUTE = 60_000;

/** notes/0, which leads, on a machine that has gone down. */
function down(): World {
  const world = related();
  world.model.agentStopped("notes/0", world.now);
  world.forget();
  return world;
}

test("a unit whose machine is down stays, dying, unless it is forced", () => {
  const world = down();
  world.model.removeUnits(["notes/0"], world.now);
  world.pass(60 * MINUTE);
  expect(world.model.data.units["notes/0"]?.life).toBe("dying");
});

test("forced it goes without a hook, two waits later; others see it depart at once", () => {
  const world = down();
  expect(world.model.removeUnits(["notes/0"], world.now, { wait: MINUTE })).toEqual(["will remove unit notes/0"]);
  world.settle();
  expect(world.traced("notes/1")).toEqual(["cluster-relation-departed UNIT=notes/0 DEPARTING=notes/0"]);
  expect(world.traced("pg/0")).toEqual(["db-relation-departed UNIT=notes/0 DEPARTING=notes/0"]);
  world.pass(2 * MINUTE - 1);
  expect(world.model.data.units["notes/0"]?.life).toBe("dying");
  world.pass(1);
  expect(world.model.data.units["notes/0"]).toBeUndefined();
  expect(world.model.data.machines["0"]?.life).toBe("dead");
  expect(world.trace["notes/0"]).toEqual([]);
  expect(world.model.data.applications["notes"]?.lease?.holder).toBe("notes/1");
});

test("--no-wait: at once, but for its lease, which nobody gives back", () => {
  const world = down();
  world.model.removeUnits(["notes/0"], world.now, { wait: 0 });
  expect(world.model.data.units["notes/0"]).toBeUndefined();
  const { errors } = world.model.enqueueExec(["notes/leader"], "true", world.now);
  expect(errors).toEqual(['unit "notes/0" not found']);
  world.checked();
  world.pass(MINUTE);
  expect(world.model.data.applications["notes"]?.lease?.holder).toBe("notes/1");
});

test("a unit that can leaves with all its hooks; one that was on its way without force is hastened by it", () => {
  const world = related();
  world.forget();
  world.model.removeUnits(["notes/1"], world.now, { wait: MINUTE });
  world.settle();
  expect(world.traced("notes/1").slice(-2)).toEqual(["stop", "remove"]);
  expect(world.model.data.units["notes/1"]).toBeUndefined();

  world.model.agentStopped("notes/0", world.now);
  world.model.removeUnits(["notes/0"], world.now);
  world.model.removeUnits(["notes/0"], world.now, { wait: MINUTE });
  world.pass(2 * MINUTE);
  expect(world.model.data.units["notes/0"]).toBeUndefined();
});

test("a hook that fails for ever, or runs for ever, holds up nothing", () => {
  for (const run of [false, true]) {
    const world = related();
    world.charm = (hook) => (hook.unit === "notes/1" ? 1 : 0);
    world.model.removeUnits(["notes/1"], world.now, { wait: MINUTE });
    if (run) {
      const hook = inNext(world, "notes/1");
      world.model.tick((world.now += MINUTE));
      expect(hook.try(["is-leader"]).code).toBe(1);
      world.finish(hook, exit(0));
    }
    world.pass(MINUTE);
    expect(world.model.data.units["notes/1"]).toBeUndefined();
  }
});

test("a machine that comes up again within the second wait finds its unit dead, and runs no hook", () => {
  const world = down();
  world.model.removeUnits(["notes/0"], world.now, { wait: MINUTE });
  world.pass(MINUTE);
  const restored = ModelState.restore(world.model.snapshot(), () => new Uint8Array(8));
  restored.agentStarted("notes/0", world.now, { rebooted: true });
  expect(restored.data.units["notes/0"]).toBeUndefined();
  expect(restored.check()).toEqual([]);
});

test("an application and its relation go although units on either side cannot run their hooks", () => {
  const world = down();
  world.model.agentStopped("pg/1", world.now);
  world.model.removeApplication("notes", world.now, { wait: MINUTE });
  world.pass(3 * MINUTE);
  expect(world.model.data.applications["notes"]).toBeUndefined();
  expect(Object.values(world.model.data.relations).map(({ endpoints }) => endpoints.length)).toEqual([1]);
});

test("a relation ends although a unit of it is away", () => {
  const world = down();
  world.model.removeRelation("notes", "pg", world.now);
  world.pass(10 * MINUTE);
  expect(world.model.data.relations["2"]?.life).toBe("dying");
  world.model.removeRelation("notes", "pg", world.now, { wait: MINUTE });
  world.pass(MINUTE);
  expect(world.model.data.relations["2"]).toBeUndefined();
});

test("a dry run tells and does nothing", () => {
  const world = related();
  world.finish(inExec(world, "notes/0"), exit(0));
  const before = world.model.revision;
  const lines = ["will remove application notes", "- will remove unit notes/0", "- will remove unit notes/1"];
  expect(world.model.removeApplication("notes", world.now, { wait: 0, dryRun: true })).toEqual(lines);
  expect(world.model.removeUnits(["pg/0"], world.now, { dryRun: true })).toEqual(["will remove unit pg/0"]);
  expect(world.model.revision).toBe(before);
  expect(() => world.model.removeApplication("none", world.now)).toThrow(/^removing application none failed/);
});
