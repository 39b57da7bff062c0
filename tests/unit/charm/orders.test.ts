import { expect, test } from "vitest";
import { ordersFor } from "../../../src/charm/orders.ts";
import { change, peers, web, worker, workerReport } from "./facts.ts";

test("the web's agent expects every worker that has told its key, and no other unit", () => {
  const second = { unit: "ci/2", address: "10.1.1.12", report: change(workerReport, { worker: { name: "w-2" } }) };
  const silent = { unit: "ci/3", address: "10.1.1.13", report: null };
  const keyless = { unit: "ci/4", address: "10.1.1.14", report: { ...workerReport, worker: null } };
  const facts = { ...web, peers: { ...peers, others: [second, silent, keyless, ...peers.others] } };
  expect(ordersFor(facts)?.web).toMatchObject({ expected: ["0b1c2d3e-ci-1", "w-2"] });
});

test("a worker's agent is told nothing of the web's secrets", () => {
  expect(ordersFor(worker)).toMatchObject({ web: null, database: null, clusterSecret: false });
});
