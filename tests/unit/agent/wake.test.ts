import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PLACES, World } from "./world.ts";

const FAILED = { code: 1, signal: null, stdout: "", stderr: "ERROR unit not found" };
const KEY = generateKeyPairSync("rsa", { modulusLength: 2048 })
  .privateKey.export({ type: "pkcs1", format: "pem" })
  .toString();
const UNANSWERED = { code: 0, signal: null, stdout: "", stderr: "" };

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.stop());

/** A private store is there at once: one thing to tell, and then rest. */
const start = () => world.start({ store: { ...world.orders.store, kind: "private" } });

async function change(ready: boolean): Promise<void> {
  world.database = { ...world.database, ready };
  await world.clock.advance(10_000);
}

test("what is found wakes the charm once, and then nothing is written and nobody woken", async () => {
  await start();
  await world.clock.advance(5_000);
  expect(world.wakes()).toHaveLength(1);
  expect(world.wakes()[0]?.text).toBe("JUJU_DISPATCH_PATH=hooks/wake '/var/lib/juju/agents/unit-ci-0/charm/dispatch'");
  expect(world.untold()).toEqual([]);
  const { changes } = world.fs;
  await world.clock.advance(3_600_000);
  expect(world.wakes()).toHaveLength(1);
  expect(world.fs.changes).toBe(changes);
});

test("the state is written before the wake, private", async () => {
  let seen = 0;
  world.charm = (state) => {
    seen = state.store.mounted ? state.sequence : -1;
    return world.acknowledge(state.sequence);
  };
  await start();
  await world.clock.advance(1_000);
  expect(seen).toBeGreaterThan(0);
  expect(world.fs.mode(PLACES.state)).toBe(0o600);
});

test.each([
  ["a wake that is lost", () => FAILED],
  ["a wake that the charm does not answer", () => UNANSWERED],
  [
    "no juju-exec",
    () => {
      throw Object.assign(new Error("spawn juju-exec ENOENT"), { code: "ENOENT" });
    },
  ],
])("%s is repeated after 1, 2, 4, 8, 10, 10 s", async (_, charm) => {
  world.hookMs = 0;
  world.charm = charm;
  await start();
  await world.clock.advance(40_000);
  const times = world.wakes().map(({ at }) => at);
  expect(times.slice(1, 7).map((at, index) => at - (times[index] ?? 0))).toEqual([
    1_000, 2_000, 4_000, 8_000, 10_000, 10_000,
  ]);
  world.charm = ({ sequence }) => world.acknowledge(sequence);
  await world.clock.advance(15_000);
  const count = world.wakes().length;
  await world.clock.advance(60_000);
  expect(world.wakes()).toHaveLength(count);
});

test("a wake that ends in failure has told nothing, whatever it acknowledged: its words may not have been committed", async () => {
  world.charm = ({ sequence }) => ({ ...world.acknowledge(sequence), code: 1 });
  await start();
  await world.clock.advance(5_000);
  expect(world.wakes().length).toBeGreaterThan(1);
  world.charm = ({ sequence }) => world.acknowledge(sequence);
  await world.clock.advance(15_000);
  const count = world.wakes().length;
  await world.clock.advance(3_600_000);
  expect(world.wakes()).toHaveLength(count);
  expect(world.untold()).toEqual([]);
});

test("one wake in flight; what changes meanwhile is one more wake, whatever the number of changes", async () => {
  await start();
  await world.clock.advance(1_000);
  world.order({ database: { hosts: [], user: "u", password: "p", database: "d", ca: null } });
  world.hookMs = 60_000;
  await world.clock.advance(3_000);
  expect(world.wakes()).toHaveLength(2);
  // The charm reads the state when the hook ends here; a real one may have read it before the last change.
  const early = world.state.sequence;
  world.charm = () => world.acknowledge(early);
  await change(false);
  await change(true);
  await change(false);
  expect(world.wakes()).toHaveLength(2);
  await world.clock.advance(31_000);
  expect(world.wakes()).toHaveLength(3);
  world.charm = ({ sequence }) => world.acknowledge(sequence);
  await world.clock.advance(120_000);
  expect(world.wakes()).toHaveLength(3);
});

test("a change that the charm has read in time is no reason for another wake", async () => {
  await start();
  await world.clock.advance(1_000);
  world.order({ database: { hosts: [], user: "u", password: "p", database: "d", ca: null } });
  world.hookMs = 60_000;
  await world.clock.advance(3_000);
  await change(false);
  await world.clock.advance(300_000);
  expect(world.wakes()).toHaveLength(2);
});

test("a change that is taken back before anybody knew wakes nobody", async () => {
  world.database = { ...world.database, ready: true };
  await world.start({
    store: { ...world.orders.store, kind: "private" },
    database: { hosts: [], user: "u", password: "p", database: "d", ca: null },
  });
  await world.clock.advance(5_000);
  const known = world.orders.acknowledged;
  const count = world.wakes().length;
  world.charm = () => FAILED;
  await change(false);
  const tried = world.wakes().length;
  expect(tried).toBeGreaterThan(count);
  await change(true);
  await world.clock.advance(60_000);
  expect(world.wakes().length - tried).toBeLessThanOrEqual(4);
  const last = world.wakes().length;
  await world.clock.advance(60_000);
  expect(world.wakes()).toHaveLength(last);
  expect(world.orders.acknowledged).toBe(known);
});

test("a service that crashes in a loop wakes at once, then every 10 s; other news does not wait for that", async () => {
  const name = "concourse-worker.service";
  const crash = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      world.services[name] = { active: "active", pid: (world.services[name]?.pid ?? 100) + 1, restarts: second };
      await world.clock.advance(1_000);
    }
  };
  world.services[name] = { active: "active", pid: 100, restarts: 0 };
  world.fs.makeDirectories("/proc/100");
  await world.start({
    store: { ...world.orders.store, kind: "private" },
    services: [name],
    database: { hosts: [], user: "u", password: "p", database: "d", ca: null },
  });
  await world.clock.advance(30_000);
  const before = world.wakes().length;
  world.fs.remove("/proc/100");
  await crash(3);
  expect(world.wakes()).toHaveLength(before + 1);
  await crash(57);
  const times = world.wakes().map(({ at }) => at);
  const pauses = times.slice(before + 1).map((at, index) => at - (times[before + index] ?? 0));
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(10_000);
  expect(Math.max(...pauses)).toBeLessThan(12_000);

  // In the middle of such a pause.
  world.keys = [KEY];
  const last = world.wakes().length;
  while (world.wakes().length === last) await crash(1);
  const count = world.wakes().length;
  world.order({ workerKey: true });
  await crash(4);
  expect(world.wakes()).toHaveLength(count + 1);
  expect(world.state.workerPublicKey).not.toBeNull();

  world.services[name] = { active: "active", pid: 7, restarts: 0 };
  world.fs.makeDirectories("/proc/7");
  await world.clock.advance(12_000);
  expect(world.untold()).toEqual([]);
});

test("a service that crashes in a loop wakes every 10 s also where no look meets a process of it", async () => {
  const name = "concourse-web.service";
  world.services[name] = { active: "activating", pid: 0, restarts: 0 };
  await world.start({ store: { ...world.orders.store, kind: "private" }, services: [name] });
  await world.clock.advance(30_000);
  const before = world.wakes().length;
  for (let restarts = 1; restarts <= 30; restarts += 1) {
    world.services[name] = { active: "activating", pid: 0, restarts };
    await world.clock.advance(2_000);
  }
  expect(world.wakes().length - before).toBeGreaterThanOrEqual(5);
  expect(world.wakes().length - before).toBeLessThanOrEqual(7);
});

test("stopping: nobody is woken, nothing is written, a repeated wake ends", async () => {
  world.charm = () => FAILED;
  await start();
  await world.clock.advance(2_000);
  const count = world.wakes().length;
  world.order({ stopping: true });
  await world.clock.advance(4_000);
  const { changes } = world.fs;
  await world.clock.advance(120_000);
  expect(world.wakes().length - count).toBeLessThanOrEqual(1);
  expect(world.fs.changes).toBe(changes);
});

test("the sequence goes on after a kill, also above a state that is lost or torn", async () => {
  await start();
  await world.clock.advance(2_000);
  const { sequence } = world.state;
  const count = world.wakes().length;
  world.kill();
  await start();
  await world.clock.advance(5_000);
  expect(world.state.sequence).toBe(sequence);
  expect(world.wakes()).toHaveLength(count);

  world.kill();
  world.fs.put(PLACES.state, '{"schema":1,"seq');
  await start();
  await world.clock.advance(5_000);
  expect(world.state.sequence).toBeGreaterThan(sequence);
  expect(world.untold()).toEqual([]);

  world.kill();
  world.fs.remove(PLACES.state);
  const before = world.orders.acknowledged;
  await start();
  await world.clock.advance(5_000);
  expect(world.orders.acknowledged).toBeGreaterThan(before);
});

test("killed before the charm was woken: it is woken in the next life", async () => {
  world.charm = () => FAILED;
  await start();
  await world.clock.advance(100);
  world.kill();
  world.charm = ({ sequence }) => world.acknowledge(sequence);
  await start();
  await world.clock.advance(1_000);
  expect(world.untold()).toEqual([]);
});

test("a state that cannot be written is no wake, and written as soon as it can be", async () => {
  world.failing = { below: "/", code: "ENOSPC" };
  await start();
  await world.clock.advance(5_000);
  expect(world.wakes()).toHaveLength(0);
  world.failing = null;
  await world.clock.advance(15_000);
  expect(world.state.store.problem).toBeNull();
  expect(world.untold()).toEqual([]);
  expect(world.logged.join("\n")).toContain("ENOSPC");
});

test("orders that are not understood change nothing", async () => {
  await start();
  await world.clock.advance(2_000);
  world.fs.put(PLACES.orders, '{"schema": 2');
  await world.clock.advance(10_000);
  expect(world.logged.at(-1)).toContain("orders.json is not understood");
  expect(world.state.store.mounted).toBe(true);
});

test("an event that is lost costs five seconds, not the order", async () => {
  world.watches = false;
  await start();
  await world.clock.advance(1_000);
  world.order({ database: { hosts: [], user: "u", password: "p", database: "d", ca: null } });
  await world.clock.advance(5_100);
  expect(world.state.database).toMatchObject({ ready: true });
});

/** What happens to the unit, and how its charm answers, second by second. */
const happening = fc.record({
  after: fc.integer({ min: 0, max: 15_000 }),
  ready: fc.boolean(),
  answer: fc.constantFrom("acts", "fails", "forgets", "reads early"),
  hookMs: fc.constantFrom(0, 200, 30_000),
});

test("whatever happens: one wake at a time, none without news, and in the end the charm knows", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 12 }), async (happenings) => {
      const world = new World();
      let inFlight = 0;
      let most = 0;
      let idle = 0;
      let answer = "acts";
      world.hookMs = 0;
      world.charm = async (state) => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        if (world.untold().length === 0) idle += 1;
        await world.clock.sleep(hookMs);
        inFlight -= 1;
        if (answer === "fails") return FAILED;
        if (answer === "forgets") return UNANSWERED;
        const acted = answer === "acts" ? world.state : state;
        return world.acknowledge(acted.sequence, acted);
      };
      let hookMs = 200;
      await world.start({
        store: { ...world.orders.store, kind: "private" },
        database: { hosts: [], user: "u", password: "p", database: "d", ca: null },
      });
      for (const next of happenings) {
        ({ answer, hookMs } = next);
        world.database = { ...world.database, ready: next.ready };
        await world.clock.advance(next.after);
      }
      answer = "acts";
      hookMs = 200;
      await world.clock.advance(90_000);
      expect(most).toBeLessThanOrEqual(1);
      expect(idle).toBe(0);
      expect(world.untold()).toEqual([]);
      await world.stop();
    }),
    { numRuns: 60 },
  );
});
