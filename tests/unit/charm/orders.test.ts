import { describe, expect, test } from "vitest";
import { ordersFor } from "../../../src/charm/orders.ts";
import { change, cluster, peers, target, web, webReport, worker, workerReport } from "./facts.ts";

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

describe("who may fetch", () => {
  const away = { peers: { cluster: change(cluster, { fetcher: "ci/9" }) }, local: { followed: null } };
  const fetching = (step: "downloading" | "waiting", version = target.version) => ({
    local: { agent: { fetch: { version, step, bytes: 1, total: 2, rate: 1, holder: null } } },
  });

  test.each([
    ["the fetcher", change(worker, { peers: { cluster: change(cluster, { fetcher: "ci/1" }) } }), true],
    ["the leader, who stands by", change(web, away), true],
    ["nobody else", worker, false],
    ["who holds the lock already", change(worker, fetching("downloading")), true],
    ["but not for another release", change(worker, fetching("downloading", "7.0.0")), false],
    ["nor who only waits for it", change(worker, fetching("waiting")), false],
  ])("%s", (_, facts, may) => {
    expect(ordersFor(facts)?.fetch).toBe(may);
  });
});

test("the web of another unit is probed, more leniently while it is not installed", () => {
  const follower = change(web, { peers: { cluster: change(cluster, { web: "ci/1" }) }, local: { followed: null } });
  const url = "http://10.1.1.11:8080";
  expect(ordersFor(follower)?.probe).toEqual({ unit: "ci/1", url, installing: true });
  const running = { unit: "ci/1", address: "10.1.1.11", report: webReport };
  expect(ordersFor(change(follower, { peers: { others: [running] } }))?.probe).toEqual({ unit: "ci/1", url });
});

test("the release before stays on the store, kept and leased: the way back needs no download", () => {
  const directory = "7.14.2-linux-amd64-cccccccccccc";
  const before = { ...target, version: "7.14.2", sha256: "c".repeat(64), manifestSha256: "d".repeat(64), directory };
  const remembering = { ...cluster, committed: [...cluster.committed, before] };
  const orders = ordersFor({ ...web, peers: { ...peers, cluster: remembering } });
  expect([orders?.store.keep, orders?.store.lease]).toEqual([
    expect.arrayContaining([directory]),
    expect.arrayContaining([directory]),
  ]);
});
