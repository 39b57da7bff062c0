import { expect, test } from "vitest";
import { describe, flatten } from "../../../src/charm/describe.ts";
import { change, web } from "./facts.ts";

const blocked = (message: string) => ({ code: "x", message, blocked: true });

test("check-status tells everything that the agent cannot do, under keys that Juju takes", () => {
  const ill = change(web, {
    local: {
      agent: {
        problems: { holdLeases: blocked("No lease for ci/1"), cleanUp: blocked("Not empty: juju config <app> x=y") },
        fetchProblem: blocked("No digest"),
        store: { problem: blocked("Not ours") },
      },
    },
  });
  const results = flatten(describe(ill));
  expect(results).toMatchObject({
    "problems.hold-leases": "No lease for ci/1",
    "problems.clean-up": "Not empty: juju config ci x=y",
    "problems.fetch": "No digest",
    "problems.store": "Not ours",
  });
  for (const key of Object.keys(results)) expect(key).toMatch(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/);
});

test.each([
  ["of which there are none", web],
  ["of an agent that has not said anything", change(web, { local: { agent: null } })],
])("problems %s", (_, facts) => {
  expect(flatten(describe(facts))).toMatchObject({ problems: "none" });
});
