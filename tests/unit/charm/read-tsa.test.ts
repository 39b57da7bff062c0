import { expect, test } from "vitest";
import { readFlight, readTsa } from "../../../src/charm/read-tsa.ts";
import { HookTools } from "../../../src/juju/hook-tools.ts";
import { writeWebApplicationBag, writeWebBag, writeWorkerBag } from "../../../src/relations/tsa.ts";
import { PUBLIC_KEY, target, worker } from "./facts.ts";
import { workerWord } from "./two-applications.ts";

const OTHER_MODEL = "7e5f6a7b-4f50-4617-8290-a1b2c3d4e5f6";

type Bags = Readonly<Record<string, Record<string, string>>>;

interface Related {
  readonly application: string;
  readonly units: readonly string[];
  readonly bags: Bags;
  readonly gone?: boolean;
}

/** Juju with relations of one endpoint: id → remote application, its units that have joined, and all bags by owner. */
function juju(relations: Readonly<Record<string, Related>>): { tools: HookTools; asked: string[] } {
  const asked: string[] = [];
  const tools = new HookTools(async (argv) => {
    asked.push(argv.join(" "));
    const [command, , ...rest] = argv;
    const relation = relations[rest[1] ?? ""];
    // Of one that was removed by force the unit agent still knows who was there; the controller knows nothing.
    if (command === "relation-get" && relation?.gone)
      return { code: 1, stdout: "", stderr: "ERROR permission denied\n" };
    const answer = (): unknown => {
      if (command === "relation-ids") return Object.keys(relations);
      if (command === "relation-model-get") return { uuid: OTHER_MODEL };
      if (command === "relation-list") return rest.includes("--app") ? relation?.application : relation?.units;
      return relation?.bags[rest.at(-1) ?? ""] ?? {};
    };
    return { code: 0, stdout: JSON.stringify(answer()), stderr: "" };
  });
  return { tools, asked };
}

const word = { release: target, store: "store-1" };
const web = { application: "web", units: ["web/0", "web/1"] };

test("of several web applications the one counts that was there first", async () => {
  const bags = { web: writeWebApplicationBag(word), "web/0": writeWebBag(["10.0.0.1:2222"], PUBLIC_KEY, null) };
  const { tools } = juju({ "flight:10": { ...web, application: "late", bags: {} }, "flight:9": { ...web, bags } });
  const { flight, surplusFlights } = await readFlight(worker.environment, tools);
  expect(surplusFlights).toEqual(["late"]);
  expect(flight).toMatchObject({ relation: "flight:9", application: "web", word });
  // The second one has no address to offer yet.
  expect(flight?.webs.map(({ unit }) => unit)).toEqual(["web/0"]);
});

test("without a relation there is nobody", async () => {
  expect(await readFlight(worker.environment, juju({}).tools)).toEqual({ flight: null, surplusFlights: [] });
  expect(await readTsa(worker.environment, juju({}).tools, { leader: true, looksAtAll: true })).toEqual([]);
});

test("only who has to do with workers reads what they say, and only the leader reads its own application's bag", async () => {
  const bags = { "w/0": writeWorkerBag(PUBLIC_KEY, workerWord), "ci/1": { "ingress-address": "10.0.0.9" } };
  const relation = { "tsa:1": { application: "w", units: ["w/0"], bags } };
  const all = await readTsa(worker.environment, juju(relation).tools, { leader: true, looksAtAll: true });
  expect(all).toEqual([
    {
      relation: "tsa:1",
      application: "w",
      otherModel: null,
      address: "10.0.0.9",
      workers: [{ unit: "w/0", key: PUBLIC_KEY, word: workerWord }],
      told: bags["ci/1"],
      toldForAll: {},
    },
  ]);
  const { tools, asked } = juju(relation);
  const little = await readTsa(worker.environment, tools, { leader: false, looksAtAll: false });
  expect(little).toEqual([{ ...all[0], workers: [], toldForAll: null }]);
  expect(asked.filter((line) => line.endsWith("w/0") || line.includes("--app - "))).toEqual([]);
});

test("which model an application of another one lives in Juju is asked, by who needs it", async () => {
  const application = `remote-${"0c".repeat(16)}`;
  const relation = { "tsa:1": { application, units: [], bags: {} } };
  const read = (looksAtAll: boolean) =>
    readTsa(worker.environment, juju(relation).tools, { leader: false, looksAtAll });
  expect(await read(true)).toMatchObject([{ application, otherModel: OTHER_MODEL }]);
  expect(await read(false)).toMatchObject([{ application, otherModel: null }]);
  const ours = { ...worker.environment, modelUuid: OTHER_MODEL };
  const local = await readTsa(ours, juju(relation).tools, { leader: false, looksAtAll: true });
  expect(local).toMatchObject([{ otherModel: null }]);
});

test("a relation that was removed by force is none: a hook that failed over it would be run again for ever", async () => {
  const bags = { "w/0": writeWorkerBag(PUBLIC_KEY, workerWord) };
  const gone = { application: "w", units: ["w/0"], bags, gone: true };
  const tsa = juju({ "tsa:1": gone, "tsa:2": { ...gone, gone: false } });
  const left = await readTsa(worker.environment, tsa.tools, { leader: true, looksAtAll: true });
  expect(left.map(({ relation }) => relation)).toEqual(["tsa:2"]);
  const { flight } = await readFlight(worker.environment, juju({ "flight:3": gone }).tools);
  expect(flight).toBeNull();
});
