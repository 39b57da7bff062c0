import { expect, test } from "vitest";
import type { Orders, Target } from "../../../src/agent/contract.ts";
import { ordersFor } from "../../../src/charm/orders.ts";
import { NotYet, type Step } from "../../../src/charm/plan.ts";
import { reconcile } from "../../../src/charm/reconcile.ts";
import { fingerprint } from "../../../src/concourse/ssh-keys.ts";
import { HookTools, type CommandResult } from "../../../src/juju/hook-tools.ts";
import { readApplicationBag, writeApplicationBag, writeReport } from "../../../src/relations/peers.ts";
import { releaseName } from "../../../src/store/layout.ts";
import { change, cluster, PUBLIC_KEY, RELEASE, web, webReport, worker } from "./facts.ts";

const answer = (value: unknown): CommandResult => ({ code: 0, stdout: JSON.stringify(value), stderr: "" });

/** Juju as a worker meets it whose web lets it in. */
function juju(): { tools: HookTools; told: string[] } {
  const told: string[] = [];
  const bags: Readonly<Record<string, Record<string, string>>> = {
    ci: writeApplicationBag({ cluster, secret: null }),
    "ci/0": {
      ...writeReport(change(webReport, { web: { authorised: [fingerprint(PUBLIC_KEY)] } })),
      "ingress-address": "10.1.1.10",
    },
    "ci/1": { "ingress-address": "10.1.1.11" },
  };
  const tools = new HookTools(async ([command = "", ...args]) => {
    const name = args.at(-1) ?? "";
    switch (command) {
      case "relation-ids":
        return answer(name === "peers" ? ["peers:0"] : []);
      case "relation-get":
        return answer(bags[name] ?? {});
      case "is-leader":
        return answer(false);
      case "status-get":
        return answer({ status: "unknown", message: "" });
      case "config-get":
        return answer({ "shared-storage": "lxc", "initial-admin-username": "admin" });
      case "status-set":
        told.push(name);
        return { code: 0, stdout: "", stderr: "" };
      default:
        return answer([]);
    }
  });
  return { tools, told };
}

/**
 * A reconcile on a machine that has no link yet, where linking meets this.
 *
 * @param ordered releases that the agent's orders lease as the hook begins
 * @returns what was applied, and the status
 */
async function meeting(
  error: Error | null,
  ordered: readonly string[] = [RELEASE],
): Promise<{ applied: string[]; told: string[]; acknowledged: number[] }> {
  const applied: string[] = [];
  const acknowledged: number[] = [];
  const { tools, told } = juju();
  const orders = ordersFor(worker) as Orders;
  const before = { ...orders, store: { ...orders.store, lease: ordered } };
  await reconcile(worker.environment, tools, {
    read: async () => change(worker, { local: { current: null, orders: before } }).local,
    apply: async (step) => {
      if (step.do === "link-release" && error) throw error;
      applied.push(step.do);
      if (step.do === "order") acknowledged.push(step.orders.acknowledged);
    },
  });
  return { applied, told, acknowledged };
}

test("nothing is started on a release that is not leased yet, and the unit tells what it is at", async () => {
  const well = await meeting(null);
  expect(well.applied).toEqual(expect.arrayContaining(["link-release", "service", "order"]));
  const { applied, told, acknowledged } = await meeting(new NotYet(`no lease names ${RELEASE}`));
  expect(applied.filter((step) => ["link-release", "service", "write"].includes(step))).toEqual([]);
  expect(applied).toContain("order");
  expect(told).toEqual(["Installing Concourse 7.14.3"]);
  // Nothing new need ever be found: the agent wakes the charm until the link has jumped.
  expect(well.acknowledged).toEqual([worker.local.agent?.sequence]);
  expect(acknowledged).toEqual([0]);
});

test("the link waits where a lease stands that the orders do not name: an agent that reads them late would give it up", async () => {
  const { applied, acknowledged } = await meeting(null, []);
  expect(applied.filter((step) => ["link-release", "service", "write"].includes(step))).toEqual([]);
  expect(acknowledged).toEqual([0]);
});

test("a leader that is told to go back commits and orders what was agreed on, and asks nobody", async () => {
  const open: Target = { version: "7.14.2", arch: "amd64", sha256: "c".repeat(64), manifestSha256: null };
  const before = { ...open, manifestSha256: "d".repeat(64), directory: releaseName(open) };
  const now = { ...cluster, committed: [...cluster.committed, before] };
  const written: Record<string, string>[] = [];
  const tools = new HookTools(async ([command = "", ...args], stdin) => {
    const name = args.at(-1) ?? "";
    if (command === "relation-set") {
      if (args.includes("--app")) written.push(JSON.parse(stdin ?? "{}") as Record<string, string>);
      return { code: 0, stdout: "", stderr: "" };
    }
    const answers: Readonly<Record<string, unknown>> = {
      "relation-ids": name === "peers" ? ["peers:0"] : [],
      "relation-get": name === "ci" ? writeApplicationBag({ cluster: now, secret: null }) : writeReport(webReport),
      "is-leader": true,
      "goal-state": { units: { "ci/0": { status: "active" } } },
      "status-get": { status: "active", message: "" },
      "config-get": { "shared-storage": "lxc", "initial-admin-username": "admin", version: before.version },
    };
    return answer(answers[command] ?? []);
  });
  const applied: Step[] = [];
  const machine = {
    read: async () => change(web, { local: { followed: now } }).local,
    apply: async (step: Step) => void applied.push(step),
  };
  await reconcile(web.environment, tools, machine);
  const committed = readApplicationBag(written[0] ?? {}).cluster;
  expect(committed).toMatchObject({ generation: 5, release: open });
  expect(applied.find((step) => step.do === "order")).toMatchObject({ orders: { resolve: null } });
});

test("a fault of the machine ends the hook with a failure", async () => {
  await expect(meeting(new Error("disk full"))).rejects.toThrow("disk full");
});
