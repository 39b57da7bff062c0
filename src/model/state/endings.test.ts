import { describe, expect, test } from "vitest";
import { alone, inChanged, inNext, related } from "./testing/inside.ts";
import { exit, type World } from "./testing/world.ts";

const KILLED = { signal: "SIGKILL", stdout: "", stderr: "" };

function workload(world: World, unit = "notes/0"): string[] {
  const { workload: own, agent } = world.model.status(world.now).applications["notes"]!.units[unit]!;
  return [own.current, own.message, agent.current, agent.message];
}

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
