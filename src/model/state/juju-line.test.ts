import { describe, expect, test } from "vitest";
import { jujuOf, JUJU_LINES } from "./juju-line.ts";
import { ModelState } from "./model.ts";
import { notes, pgAlone } from "./testing/charms.ts";
import { inExec, inNext } from "./testing/inside.ts";
import { World, seeded } from "./testing/world.ts";

/** One or more units of notes at rest, 0 leads, that wrote app data of its peers in `leader-elected`. */
function world(juju: "3.6" | "4.0", units = 1): World {
  const world = new World({ juju });
  world.charm = (hook) => {
    if (hook.name === "leader-elected" && hook.unit === "notes/0")
      hook.tool("relation-set", "-r", "cluster:0", "--app", "key=value");
  };
  world.model.deploy({ charm: notes, units, config: {}, resources: {}, now: world.now });
  world.boot();
  world.settle();
  return world;
}

/** What both lines say to one question, 3.6 first. */
const both = <T>(ask: (line: "3.6" | "4.0") => T): T[] => JUJU_LINES.map(ask);

describe("where a charm can tell Juju 3.6 and 4.0 apart", () => {
  test("the environment", () => {
    const [old, young] = both((juju) => inExec(world(juju), "notes/0").environment);
    expect([old?.["JUJU_VERSION"], young?.["JUJU_VERSION"]]).toEqual(["3.6.28", "4.0.15"]);
    expect([old?.["JUJU_SLA"], young?.["JUJU_SLA"]]).toEqual(["unsupported", undefined]);
    const traces = ["JUJU_CHARM_TRACE_CONFIG_HTTP", "JUJU_CHARM_TRACE_CONFIG_GRPC", "JUJU_CHARM_TRACE_CONFIG_CA_CERT"];
    expect(traces.map((name) => old?.[name])).toEqual([undefined, undefined, undefined]);
    expect(traces.map((name) => young?.[name])).toEqual(["", "", ""]);
  });

  test("addresses in a unit's bag", () => {
    const keys = both((juju) =>
      Object.keys(inExec(world(juju), "notes/0").json("relation-get", "-r", "cluster:0", "-", "notes/0") as object),
    );
    expect(keys).toEqual([
      ["egress-subnets", "ingress-address", "private-address"],
      ["egress-subnets", "ingress-address"],
    ]);
  });

  test("leader settings", () => {
    const answers = both((juju) => inExec(world(juju), "notes/0").try(["leader-get"]).stderr);
    expect(answers).toEqual(["", "ERROR bad request: unknown command: leader-get\n"]);
    const runs = both((juju) => (world(juju, 2).trace["notes/1"] ?? []).includes("leader-settings-changed"));
    expect(runs).toEqual([true, false]);
  });

  test("one juju config", () => {
    const hooks = both((juju) => {
      const model = world(juju);
      model.forget();
      model.model.setConfig("notes", { size: "4" });
      model.settle();
      return model.traced("notes/0");
    });
    expect(hooks).toEqual([["config-changed"], ["config-changed", "config-changed"]]);
  });

  test("a new unit takes the application's version away", () => {
    const versions = both((juju) => {
      const model = world(juju);
      const hook = inExec(model, "notes/0");
      hook.tool("application-version-set", "7.14.3");
      model.finish(hook, { exit: 0, stdout: "", stderr: "" });
      model.model.addUnits("notes", 1, model.now);
      return model.model.data.applications["notes"]?.version;
    });
    expect(versions).toEqual(["7.14.3", ""]);
  });

  test("a rotation that was never given", () => {
    const rotations = both((juju) => {
      const hook = inExec(world(juju), "notes/0");
      const [id = ""] = hook.tool("secret-add", "--label", "mine", "word=pass").split("/").slice(-1);
      return (hook.json("secret-info-get", "--label", "mine") as Record<string, { rotation?: string }>)[id]?.rotation;
    });
    expect(rotations).toEqual(["never", undefined]);
  });

  test("a map as the parameter of an action", () => {
    const errors = both((juju) => {
      const { model, now } = world(juju);
      return model.enqueueAction(["notes/0"], "backup", { level: 1, deep: { inner: "y" } }, now).errors;
    });
    expect(errors).toEqual([[], ['validation failed: (root).deep : must be of type object, given "map[inner:y]"']]);
  });

  test("a relation that is removed is listed up to the end of its broken hook by both", () => {
    const listed = both((juju) => {
      const model = world(juju);
      model.model.deploy({ charm: pgAlone, units: 1, config: {}, resources: {}, now: model.now });
      model.boot();
      model.model.integrate("notes", "pg", model.now);
      model.settle();
      model.model.removeRelation("notes", "pg", model.now);
      model.step("notes/0");
      const broken = inNext(model, "notes/0");
      return [broken.name, broken.json("relation-ids", "db")];
    });
    expect(listed).toEqual([
      ["db-relation-broken", ["db:1"]],
      ["db-relation-broken", ["db:1"]],
    ]);
  });

  test("status", () => {
    const models = both((juju) => world(juju).model.status(0).model);
    expect(models.map(({ version, sla }) => [version, sla])).toEqual([
      ["3.6.28", "unsupported"],
      ["4.0.15", ""],
    ]);
  });
});

test("a model stays what it was made as, and one of an earlier version is a 3.6", () => {
  const young = ModelState.create({ name: "m", now: 0, random: seeded(1), juju: "4.0" }).snapshot();
  expect(jujuOf(ModelState.restore(young, seeded(1)).data).version).toBe("4.0.15");
  const { juju: _, ...earlier } = young as Record<string, unknown>;
  expect(jujuOf(ModelState.restore(earlier, seeded(1)).data).version).toBe("3.6.28");
});
