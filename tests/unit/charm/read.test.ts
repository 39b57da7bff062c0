import { describe, expect, test } from "vitest";
import { readFacts } from "../../../src/charm/read.ts";
import { readEnvironment } from "../../../src/juju/environment.ts";
import { HookTools, type CommandResult } from "../../../src/juju/hook-tools.ts";
import { writeApplicationBag, writeReport } from "../../../src/relations/peers.ts";
import { change, cluster, MODEL, webReport, worker } from "./facts.ts";

const ok = (value: unknown): CommandResult => ({ code: 0, stdout: JSON.stringify(value), stderr: "" });
const failed = (stderr: string): CommandResult => ({ code: 1, stdout: "", stderr });

/** Juju as a new unit meets it: no peer's `joined` hook has run yet, but some have entered the relation. */
function newUnit(
  bags: Readonly<Record<string, Record<string, string>>>,
  goals: object | "silent" = {},
  heard: (command: string) => void = () => undefined,
): HookTools {
  return new HookTools(async ([command = "", ...args]) => {
    heard(command);
    const name = args.at(-1) ?? "";
    switch (command) {
      case "relation-ids":
        return ok(name === "peers" ? ["peers:0"] : []);
      case "relation-list":
        return ok([]);
      case "relation-get":
        return bags[name] ? ok(bags[name]) : failed(`ERROR unit "${name}": settings not found\n`);
      case "is-leader":
        return ok(false);
      case "goal-state":
        return goals === "silent" ? failed('ERROR unit "ci/3" not found\n') : ok(goals);
      case "opened-ports":
        return ok([]);
      case "status-get":
        return ok({ status: "waiting", message: "" });
      case "config-get":
        return ok({ "shared-storage": "lxc", "initial-admin-username": "admin" });
      default:
        throw new Error(`unexpected ${command}`);
    }
  });
}

const bagOf = (report: typeof webReport): Record<string, string> => ({
  ...writeReport(report),
  "ingress-address": "10.1.1.10",
});
const bags = (web: string): Record<string, Record<string, string>> => ({
  ci: writeApplicationBag({ cluster: change(cluster, { web }), secret: null }),
  "ci/0": bagOf(webReport),
  "ci/1": { "ingress-address": "10.1.1.11" },
});
const read = (tools: HookTools) => readFacts(worker.environment, tools, async () => worker.local);

test("the web's bag is read before its joined hook has run here", async () => {
  const { peers } = await read(newUnit(bags("ci/0")));
  expect(peers?.others).toEqual([{ unit: "ci/0", address: "10.1.1.10", report: webReport }]);
});

test("a web that has not entered the relation says nothing yet", async () => {
  const { peers } = await read(newUnit(bags("ci/9")));
  expect(peers?.others).toEqual([{ unit: "ci/9", address: null, report: null }]);
});

test("the web's own unit is no peer of itself", async () => {
  const { peers } = await read(newUnit(bags("ci/1")));
  expect(peers?.others).toEqual([]);
});

test("a unit that leaves asks Juju who stays: applications of other models are no units", async () => {
  const on = { status: "active" };
  const goals = {
    units: { "ci/0": on, "ci/1": { status: "dying" } },
    relations: {
      tsa: {
        "admin/prod.workers": { status: "joined" },
        build: { status: "joined" },
        "build/0": on,
        "build/1": { status: "dying" },
      },
    },
  };
  const stop = { ...worker.environment, event: { kind: "hook", name: "stop" } } as const;
  const leaving = await readFacts(stop, newUnit(bags("ci/0"), goals), async () => worker.local);
  expect([leaving.alive, leaving.aliveBehindTsa]).toEqual([["ci/0"], ["build/0"]]);
  expect(leaving.leaving).toEqual(["ci/1", "build/1"]);
  const staying = await read(newUnit(bags("ci/0"), goals));
  expect([staying.alive, staying.aliveBehindTsa]).toEqual([null, null]);
});

describe("units that lease and are gone", () => {
  const goals = { units: { "ci/0": { status: "active" }, "ci/1": { status: "dying" } } };
  const asFetcher = {
    ...bags("ci/0"),
    ci: writeApplicationBag({ cluster: change(cluster, { fetcher: "ci/1" }), secret: null }),
  };
  const seen = ["0b1c2d3e-ci-1", "0b1c2d3e-ci-2", "0b1c2d3e-ci-9"];
  const local = change(worker, { local: { agent: { leasing: seen } } }).local;

  test("are those that Juju does not have, dying ones left out", async () => {
    const { departed } = await readFacts(worker.environment, newUnit(asFetcher, goals), async () => local);
    expect(departed).toEqual(["0b1c2d3e-ci-2", "0b1c2d3e-ci-9"]);
  });

  test("are looked for before Juju is asked: whoever comes in between is none of them", async () => {
    const asked: string[] = [];
    const juju = newUnit(asFetcher, goals, (command) => void asked.push(command));
    await readFacts(worker.environment, juju, async () => {
      await new Promise((later) => setImmediate(later));
      asked.push("the machine");
      return local;
    });
    expect(asked.filter((what) => what === "goal-state" || what === "the machine")).toEqual([
      "the machine",
      "goal-state",
    ]);
  });

  test("are none while Juju cannot tell", async () => {
    const { departed, alive } = await readFacts(worker.environment, newUnit(asFetcher, "silent"), async () => local);
    expect([departed, alive]).toEqual([[], null]);
  });
});

test("a database whose relation was removed by force is asked for nothing, and fails no hook", async () => {
  const known = bags("ci/1");
  const tools = new HookTools(async ([command = "", ...args]) => {
    const name = args.at(-1) ?? "";
    const answers: Readonly<Record<string, unknown>> = {
      "relation-ids": { peers: ["peers:0"], postgresql: ["postgresql:4"] }[name] ?? [],
      "relation-list": args.includes("--app") ? "pg" : [],
      "relation-get": known[name] ?? {},
      "is-leader": true,
      "goal-state": { units: {} },
      "status-get": { status: "waiting", message: "" },
      "config-get": {},
    };
    if (command === "relation-get" && args.includes("postgresql:4")) return failed("ERROR permission denied\n");
    return command.startsWith("secret-") ? failed("ERROR secret not found\n") : ok(answers[command] ?? []);
  });
  expect((await read(tools)).database).toEqual({
    relation: "postgresql:4",
    requested: true,
    answer: null,
    unreadable: null,
  });
});

/** Juju as it is in `postgresql-relation-broken`, and in that of a `flight`: it goes on listing what has ended. */
test.each([
  ["postgresql:4", { database: null, flight: "flight:5" }],
  ["flight:5", { database: "postgresql:4", flight: null }],
  // An id is not the beginning of another one.
  ["flight:55", { database: "postgresql:4", flight: "flight:5" }],
])("a relation that ends counts as gone in its own broken hook: %s", async (ended, expected) => {
  const environment = readEnvironment({
    JUJU_UNIT_NAME: "ci/1",
    JUJU_MODEL_UUID: MODEL,
    JUJU_CHARM_DIR: "/charm",
    JUJU_DISPATCH_PATH: `hooks/${ended.split(":")[0]}-relation-broken`,
    JUJU_RELATION_ID: ended,
  });
  const known = bags("ci/1");
  const tools = new HookTools(async ([command = "", ...args]) => {
    const name = args.at(-1) ?? "";
    const listed: Readonly<Record<string, unknown>> = {
      peers: ["peers:0"],
      postgresql: ["postgresql:4"],
      flight: ["flight:5"],
    };
    const answers: Readonly<Record<string, unknown>> = {
      "relation-ids": listed[name] ?? [],
      "relation-list": args.includes("--app") ? "other" : [],
      "relation-get": known[name] ?? {},
      "is-leader": false,
      "goal-state": { units: {}, relations: { postgresql: { other: { status: "joined" } } } },
      "status-get": { status: "waiting", message: "" },
      "config-get": {},
    };
    return command.startsWith("secret-") ? failed("ERROR secret not found\n") : ok(answers[command] ?? []);
  }, environment.endedRelation);
  const { database, flight, ending } = await readFacts(environment, tools, async () => worker.local);
  expect({ database: database.relation, flight: flight?.relation ?? null }).toEqual(expected);
  expect(ending).toEqual(expected.database === null ? ["postgresql"] : []);
});

test("only a broken hook ends its relation: departed and changed name theirs as well", () => {
  const named = (hook: string) =>
    readEnvironment({
      JUJU_UNIT_NAME: "ci/1",
      JUJU_MODEL_UUID: MODEL,
      JUJU_CHARM_DIR: "/charm",
      JUJU_DISPATCH_PATH: hook,
      JUJU_RELATION_ID: "postgresql:4",
    }).endedRelation;
  expect(named("hooks/postgresql-relation-broken")).toBe("postgresql:4");
  expect(named("hooks/postgresql-relation-departed")).toBeNull();
  expect(named("hooks/postgresql-relation-changed")).toBeNull();
  expect(named("actions/odd-relation-broken")).toBeNull();
});

test("whether an old relation is still there is asked only where one is missed", async () => {
  const relations = { postgresql: { pg: { status: "joined" } } };
  const asked: string[] = [];
  const missed = await read(newUnit(bags("ci/1"), { units: {}, relations }, (command) => void asked.push(command)));
  expect(missed.ending).toEqual(["postgresql"]);
  expect(asked.filter((command) => command === "goal-state")).toHaveLength(1);
  expect((await read(newUnit(bags("ci/1"), { units: {} }))).ending).toEqual([]);
  expect((await read(newUnit(bags("ci/1"), "silent"))).ending).toEqual([]);
  asked.length = 0;
  await read(newUnit(bags("ci/0"), { units: {}, relations }, (command) => void asked.push(command)));
  expect(asked).not.toContain("goal-state");
});
