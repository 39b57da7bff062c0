import { describe, expect, test } from "vitest";
import { mayCleanUp } from "../../../src/charm/clean-up.ts";
import { memberName, type Facts, type Tsa } from "../../../src/charm/facts.ts";
import { leasesForOthers } from "../../../src/charm/leases.ts";
import { ordersFor, relatedApplications } from "../../../src/charm/orders.ts";
import { wordsToOthers } from "../../../src/charm/publish-tsa.ts";
import { readWebApplicationBag, readWorkerBag, type WorkerWord } from "../../../src/relations/tsa.ts";
import { change, PUBLIC_KEY, RELEASE } from "./facts.ts";
import { oneOfWebs, remoteWorker, tsa, workerWord } from "./two-applications.ts";

/** An application of workers in another model: to the one that offers `tsa` it has a made-up name, and nobody lists its units. */

const OTHER_MODEL = "7e5f6a7b-4f50-4617-8290-a1b2c3d4e5f6";
const APPLICATION = `remote-${"0c".repeat(16)}`;
const OLDER = "7.14.2-linux-amd64-cccccccccccc";

/** The fetcher of the webs, with what these units of another model say. */
function webs(words: Readonly<Record<number, Partial<WorkerWord>>>, otherModel = OTHER_MODEL): Facts {
  const workers = Object.entries(words).map(([number, word]) => ({
    unit: `${APPLICATION}/${number}`,
    key: PUBLIC_KEY,
    word: { ...workerWord, ...word },
  }));
  const far: Tsa = { ...tsa, application: APPLICATION, otherModel, workers };
  return change(oneOfWebs, { tsa: [far], aliveBehindTsa: [] });
}

const then = (before: Facts, facts: Facts): Facts => change(facts, { local: { orders: ordersFor(before) } });

describe("a unit of another model with a read-only mount", () => {
  test("finds its lease under the name that it looks for", () => {
    const there = change(remoteWorker, { environment: { modelUuid: OTHER_MODEL } });
    const { word } = readWorkerBag(wordsToOthers(there)[0]?.data ?? {});
    const member = memberName(there.environment);
    expect(leasesForOthers(webs({ 0: word ?? {} }))).toEqual([{ member, releases: [RELEASE] }]);
  });

  test.each<[string, string]>([
    ["of this model", "0b1c2d3e-ci-0"],
    ["of a third one", "11111111-build-0"],
    ["with another number", "7e5f6a7b-build-1"],
    ["without an application", "7e5f6a7b-0"],
  ])("gets none under the name of a unit %s", (_, name) => {
    expect(leasesForOthers(webs({ 0: { name } }))).toEqual([]);
  });

  test("gets none where its model passes for ours", () => {
    expect(leasesForOthers(webs({ 0: { name: "0b1c2d3e-ci-0" } }, "0b1c2d3e-0000-4000-8000-000000000000"))).toEqual([]);
  });

  test("takes nothing from another one that has the name it claims", () => {
    const name = "7e5f6a7b-build-0";
    const honest = webs({ 0: { name } });
    const other = `remote-${"0d".repeat(16)}`;
    const liar = { unit: `${other}/0`, key: PUBLIC_KEY, word: { ...workerWord, name, lease: [OLDER] } };
    const both = change(honest, { tsa: [...honest.tsa, { ...tsa, otherModel: OTHER_MODEL, workers: [liar] }] });
    expect(leasesForOthers(both)).toEqual([{ member: name, releases: [OLDER, RELEASE] }]);
  });

  test("loses it when it says so or goes, and not by a fetcher that never saw it", () => {
    const member = "7e5f6a7b-build-0";
    const before = webs({ 0: { name: member } });
    const given = [{ member, releases: [] }];
    expect(leasesForOthers(then(before, webs({ 0: { name: member, lease: null } })))).toEqual(given);
    const gone = then(before, webs({}));
    expect(leasesForOthers(gone)).toEqual(given);
    // Until the agent has done it, however many hooks run meanwhile.
    expect(leasesForOthers(then(gone, webs({})))).toEqual(given);
    expect(leasesForOthers(webs({}))).toEqual([]);
  });

  test("keeps the clean-up waiting as long as it runs another release", () => {
    const name = "7e5f6a7b-build-0";
    expect(mayCleanUp(webs({ 0: { name, running: RELEASE } }))).toBe(true);
    expect(mayCleanUp(webs({ 0: { name, running: OLDER } }))).toBe(false);
  });
});

test("an application of another model may use the store under the name that it has there", () => {
  const facts = webs({ 0: { name: "7e5f6a7b-build-0" }, 1: { name: "7e5f6a7b-build-1" } });
  const names = ["0b1c2d3e-ci", "7e5f6a7b-build"];
  expect(relatedApplications(facts)).toEqual(names);
  const said = wordsToOthers(facts).find(({ bag }) => bag === "application");
  expect(readWebApplicationBag(said?.data ?? {})?.applications).toEqual(names);
});
