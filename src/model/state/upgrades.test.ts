import { describe, expect, test } from "vitest";
import { charm, NOTES, notes } from "./testing/charms.ts";
import { alone, inExec, related } from "./testing/inside.ts";
import { exit } from "./testing/world.ts";

describe("upgrades", () => {
  test("attach-resource runs upgrade-charm though the charm is the same", () => {
    const world = related();
    world.forget();
    world.model.attachResource("notes", "image", "/host/new");
    world.settle();
    expect(world.traced("notes/0")).toEqual(["upgrade-charm", "config-changed"]);
    expect(() => world.model.attachResource("notes", "none", "/x")).toThrow('unrecognized resource "none"');
  });

  test("a relation that is new in the charm gives relation-created afterwards", () => {
    const world = alone();
    world.settle();
    world.forget();
    const newer = charm(NOTES.replace("peers: {", "peers: {fresh: {interface: f}, "));
    world.model.refresh("notes", newer, { forceUnits: false });
    world.settle();
    expect(world.traced("notes/0")).toEqual(["upgrade-charm", "config-changed", "fresh-relation-created APP=notes"]);
  });

  test("waits in hook error, unless forced; then the failed hook comes again", () => {
    const world = alone();
    world.charm = (hook) => (hook.name === "config-changed" ? 1 : 0);
    world.settle();
    world.model.refresh("notes", notes, { forceUnits: false });
    expect(world.next("notes/0")).toBeNull();
    world.model.refresh("notes", notes, { forceUnits: true });
    expect(world.next("notes/0")).toEqual({ kind: "deploy" });
    world.step("notes/0");
    world.charm = () => 0;
    world.forget();
    world.pass(10_000);
    expect(world.traced("notes/0")).toEqual(["config-changed", "start"]);
  });

  test("a charm of another name, or without a related endpoint, is refused", () => {
    const world = related();
    const other = charm(NOTES.replace("name: notes", "name: other"));
    expect(() => world.model.refresh("notes", other, { forceUnits: false })).toThrow(
      'cannot upgrade "notes" to "other"',
    );
    const less = charm(NOTES.replace("db: {interface: postgresql_client, limit: 1}", ""));
    expect(() => world.model.refresh("notes", less, { forceUnits: false })).toThrow('would break relation "notes:db"');
  });
});

describe("behaviour of Juju that none of its tests pins, as a switch", () => {
  test("after an agent restart a dying unit runs relation-broken of its peer relation", () => {
    for (const [on, last] of [
      [true, ["cluster-relation-broken APP=", "stop", "remove"]],
      [false, ["stop", "remove"]],
    ] as const) {
      const world = alone({ inferred: { peerBrokenAfterRestart: on } });
      world.settle();
      world.model.agentStarted("notes/0", world.now, { rebooted: false });
      world.forget();
      world.model.removeUnits(["notes/0"], world.now);
      world.settle();
      expect(world.traced("notes/0")).toEqual(last);
    }
  });

  test("secret-changed after a very first read of revision 2", () => {
    for (const [on, hooks] of [
      [true, ["secret-changed"]],
      [false, []],
    ] as const) {
      const world = related();
      (world.model.data.inferred as { secretChangedOnFirstRead: boolean }).secretChangedOnFirstRead = on;
      const owner = inExec(world, "notes/0");
      const uri = owner.tool("secret-add", "password=one");
      world.finish(owner, exit(0));
      const writer = inExec(world, "notes/0");
      writer.tool("secret-set", uri, "password=two");
      world.finish(writer, exit(0));
      world.settle();
      world.forget();
      const reader = inExec(world, "notes/1");
      reader.tool("secret-get", uri);
      world.finish(reader, exit(0));
      world.settle();
      expect(world.traced("notes/1")).toEqual(hooks);
    }
  });

  test("secrets of a commit stay although its databags are refused", () => {
    for (const on of [true, false]) {
      const world = related();
      (world.model.data.inferred as { secretsApart: boolean }).secretsApart = on;
      const hook = inExec(world, "notes/0");
      hook.tool("secret-add", "--owner=unit", "--label=mine", "password=one");
      hook.tool("relation-set", "-r", "0", "--app", "a=b");
      world.model.expireLease("notes", world.now);
      world.finish(hook, exit(0));
      expect(Object.values(world.model.data.secrets).map(({ label }) => label)).toEqual(on ? ["mine"] : []);
      expect(world.model.data.relations["0"]?.apps["notes"]?.values["a"]).toBeUndefined();
    }
  });
});
