import { mkdtempSync, readFileSync, rmSync, appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { StatusData } from "../state/types.ts";
import { StatusHistory } from "./status-history.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "history-"));
  path = join(directory, "log", "status.jsonl");
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A picture with one unit on one machine. */
function picture(message: string, since: number): StatusData {
  const value = { current: "maintenance", message, since };
  const still = { current: "idle", message: "", since: 1, version: "3.6" };
  const units = { "app/0": { workload: value, agent: still } };
  const machine = { agent: { ...still, current: "started" }, instance: { ...still, current: "running" } };
  return { applications: { app: { status: value, units } }, machines: { 0: machine } } as unknown as StatusData;
}

test("one entry a change, the newest last, of the kinds asked for", () => {
  const history = new StatusHistory(path);
  for (const [message, since] of [
    ["a", 10],
    ["a", 10],
    ["b", 20],
    ["a", 30],
  ] as const)
    history.see(picture(message, since));
  expect(history.of("app/0", ["workload"], 20).map(({ message, since }) => [message, since])).toEqual([
    ["a", 10],
    ["b", 20],
    ["a", 30],
  ]);
  expect(history.of("app/0", ["workload", "juju-unit"], 20).map(({ kind }) => kind)).toEqual([
    "juju-unit",
    "workload",
    "workload",
    "workload",
  ]);
  expect(history.of("app/0", ["workload"], 2).map(({ message }) => message)).toEqual(["b", "a"]);
  expect(history.of("0", ["juju-machine"], 1)).toMatchObject([{ status: "started" }]);
  expect(history.of("app", ["application"], 20)).toHaveLength(3);
  expect(history.of("app/9", ["workload"], 20)).toEqual([]);
});

test("goes on where the last supervisor was killed, also in the middle of a line", () => {
  new StatusHistory(path).see(picture("a", 10));
  appendFileSync(path, '{"entity":"app/0","ki');
  const history = new StatusHistory(path);
  history.see(picture("a", 10));
  history.see(picture("b", 20));
  expect(history.of("app/0", ["workload"], 20).map(({ message }) => message)).toEqual(["a", "b"]);
  for (const line of readFileSync(path, "utf8").trim().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
});

test("keeps the newest thousand of each", () => {
  const history = new StatusHistory(path);
  for (let i = 0; i < 1100; i++) history.see(picture(String(i), i));
  const kept = history.of("app/0", ["workload"], 5000);
  expect([kept.length, kept[0]?.message, kept.at(-1)?.message]).toEqual([1000, "100", "1099"]);
});
