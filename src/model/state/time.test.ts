import { describe, expect, test } from "vitest";
import { alone, inChanged, inExec, inNext, related } from "./testing/inside.ts";
import { exit } from "./testing/world.ts";

const KILLED = { signal: "SIGKILL", stdout: "", stderr: "" };

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

  test("a retry that is due while something else runs asks for no tick after tick", () => {
    const world = alone();
    world.charm = (hook) => (hook.name === "config-changed" ? 1 : 0);
    world.settle();
    world.model.enqueueAction(["notes/0"], "backup", { level: 1 }, world.now);
    const action = inNext(world, "notes/0");
    const retry = world.model.nextDeadline();
    expect(retry).toBeLessThan(world.now + 6_000);
    world.now += 10_000;
    world.model.tick(world.now);
    expect(world.model.nextDeadline()).toBeGreaterThan(world.now);
    world.finish(action, exit(0));
    expect(world.next("notes/0")).toMatchObject({ hook: { name: "config-changed" } });
  });

  test("a charm that cannot be unpacked is tried again after a while", () => {
    const world = alone();
    world.charm = (hook) => (hook.name === "deploy" ? 1 : 0);
    world.settle();
    expect(world.next("notes/0")).toBeNull();
    expect(world.model.nextDeadline()).toBe(world.now + 3_000);
    world.charm = () => 0;
    world.pass(3_000);
    expect(world.traced("notes/0")[0]).toBe("install");
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
