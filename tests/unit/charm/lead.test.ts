import { describe, expect, test } from "vitest";
import { lead as decide, toResolve } from "../../../src/charm/lead.ts";
import type { Facts } from "../../../src/charm/facts.ts";
import type { Cluster, UnitReport } from "../../../src/relations/peers.ts";
import { change, cluster, RELEASE, target, web, webReport, worker, workerReport } from "./facts.ts";

const lead = (facts: Facts): Cluster | null => decide(facts, facts.peers?.report ?? null);
const old = "7.14.2-linux-amd64-cccccccccccc";

describe("the leader's decisions", () => {
  test("the same facts give the same value: nothing to write", () => {
    expect(lead(web)).toEqual(cluster);
  });

  test("nothing is decided while Juju cannot say who is here", () => {
    expect(lead(change(web, { alive: null }))).toBeNull();
  });

  test("only the leader decides", () => {
    expect(lead(worker)).toBeNull();
  });

  test("first of all it takes the web and the fetching upon itself", () => {
    const first = change(web, { peers: { cluster: null, report: null, others: [] }, local: { followed: null } });
    expect(lead(first)).toMatchObject({ generation: 1, web: "ci/0", fetcher: "ci/0", store: "store-1", release: null });
  });

  test("a version that was looked up becomes the target, its manifest still open", () => {
    const found = change(web, {
      peers: { cluster: change(cluster, { release: null }) },
      local: {
        followed: null,
        agent: { resolved: { asked: "", target: { ...target, manifestSha256: null }, problem: null } },
      },
    });
    expect(toResolve(found)).toEqual({ version: "", arch: "amd64" });
    expect(lead(found)).toMatchObject({ generation: 5, release: { ...target, manifestSha256: null } });
  });

  test("an answer to an older question is no answer", () => {
    const asked = change(web, {
      options: { version: "8.2.5" },
      local: { agent: { resolved: { asked: "7.14.3", target, problem: null } } },
    });
    expect(lead(asked)).toEqual(cluster);
  });

  test("an answer from before the operator named a digest is no answer", () => {
    const other = { ...target, sha256: "c".repeat(64), manifestSha256: null };
    const asked = (releaseDigest: string): Facts =>
      change(web, {
        options: { releaseDigest },
        local: { agent: { resolved: { asked: "7.14.3", target: other, problem: null } } },
      });
    expect(lead(asked("d".repeat(64)))).toEqual(cluster);
    expect(lead(asked(other.sha256))?.release).toEqual(other);
  });

  test("an empty version never upgrades by itself", () => {
    expect(toResolve(web)).toBeNull();
  });

  test("another digest asked for is another release", () => {
    expect(toResolve(change(web, { options: { releaseDigest: "d".repeat(64) } }))).toEqual({
      version: "7.14.3",
      arch: "amd64",
    });
  });

  test("an archive with another digest makes it ask for the digest again, until it is published", () => {
    const fetchProblem = { code: "digest-mismatch", message: "", blocked: true };
    const mismatch = change(web, {
      peers: { cluster: change(cluster, { release: { manifestSha256: null } }) },
      local: { followed: null, agent: { fetchProblem } },
    });
    expect(toResolve(mismatch)).toEqual({ version: "7.14.3", arch: "amd64" });
    const corrected = { ...target, sha256: "d".repeat(64), manifestSha256: null };
    const found = change(mismatch, {
      local: { agent: { resolved: { asked: "7.14.3", target: corrected, problem: null } } },
    });
    expect(lead(found)?.release).toEqual(corrected);
    expect(toResolve(change(web, { local: { agent: { fetchProblem } } }))).toBeNull();
  });

  test.each([
    ["the fetcher's", "ci/1", "ci/1", target.manifestSha256],
    ["the leader's own", "ci/1", "ci/0", target.manifestSha256],
    ["any other unit's", "ci/0", "ci/1", null],
  ])("%s word on the manifest", (_, fetcher, speaker, expected) => {
    const open = change(cluster, { fetcher, release: { manifestSha256: null } });
    const { published } = webReport;
    const facts = change(web, {
      peers: {
        cluster: open,
        report: change(webReport, { published: speaker === "ci/0" ? published : null }),
        others: [
          {
            unit: "ci/1",
            address: null,
            report: change(workerReport, { published: speaker === "ci/1" ? published : null }),
          },
        ],
      },
      local: { followed: null },
    });
    expect(lead(facts)?.release?.manifestSha256).toBe(expected);
  });

  test("a unit that followed more than the leader knows of lifts the generation above it", () => {
    const ahead = change(web, {
      peers: { others: [{ unit: "ci/1", address: null, report: change(workerReport, { generation: 11 }) }] },
    });
    expect(lead(ahead)?.generation).toBe(12);
  });
});

describe("the web stays where it is", () => {
  const elsewhere = change(web, { peers: { cluster: change(cluster, { web: "ci/1" }) }, local: { followed: null } });

  test("when another unit leads", () => {
    expect(lead(elsewhere)?.web).toBe("ci/1");
  });

  test.each([
    ["gone from the goal state", { alive: ["ci/0"] }],
    ["departing", { environment: { departingUnit: "ci/1" } }],
    ["silent", { local: { agent: { probe: { unit: "ci/1", silent: true } } } }],
  ])("unless its unit is %s", (_, difference) => {
    expect(lead(change(elsewhere, difference))?.web).toBe("ci/0");
  });

  test("a leader that leaves hands it over", () => {
    expect(lead(change(web, { environment: { departingUnit: "ci/0" } }))?.web).toBe("ci/1");
  });

  test("a leader that leaves does not move it again as the others go out of its sight", () => {
    const alone = { peers: { others: [] }, environment: { departingUnit: "ci/0" }, alive: ["ci/1", "ci/2"] };
    expect(lead(change(elsewhere, alone))).toMatchObject({ web: "ci/1", fetcher: "ci/1" });
  });
});

describe("whose turn it is", () => {
  const report = (running: string | null, ready: boolean): typeof webReport => change(workerReport, { running, ready });
  const rolling = (
    turn: string | null,
    own: [string | null, boolean],
    other: [string | null, boolean],
  ): string | null =>
    lead(
      change(web, {
        peers: {
          cluster: change(cluster, { turn }),
          report: change(webReport, { running: own[0], ready: own[1] }),
          others: [{ unit: "ci/1", address: null, report: report(...other) }],
        },
        local: { followed: null },
      }),
    )?.turn ?? null;

  test.each([
    ["the web first", null, [old, true], [old, true], "ci/0"],
    ["it keeps its turn until it works again", "ci/0", [RELEASE, false], [old, true], "ci/0"],
    ["then a worker", "ci/0", [RELEASE, true], [old, true], "ci/1"],
    ["at the end nobody", "ci/1", [RELEASE, true], [RELEASE, true], null],
    ["a unit that runs nothing yet needs none", null, [RELEASE, true], [null, false], null],
  ] as const)("%s", (_, turn, own, other, expected) => {
    expect(rolling(turn, [...own], [...other])).toBe(expected);
  });

  describe("to restart for changed settings", () => {
    const says = (facts: object): UnitReport => change(workerReport, facts);
    const asked = { restart: true };
    const turnAmong = (
      turn: string | null,
      [own = {}, ...others]: readonly object[],
      difference: object = {},
    ): string | null =>
      lead(
        change(
          change(web, {
            peers: {
              cluster: change(cluster, { turn }),
              report: change(webReport, own),
              others: others.map((other, i) => ({ unit: `ci/${i + 1}`, address: null, report: says(other) })),
            },
            alive: ["ci/0", ...others.map((_, i) => `ci/${i + 1}`)],
            local: { followed: null },
          }),
          difference,
        ),
      )?.turn ?? null;

    test.each<[string, string | null, readonly object[], string | null]>([
      ["the web first", null, [asked, asked, asked], "ci/0"],
      ["it keeps its turn until it works again", "ci/0", [{ ready: false }, asked, asked], "ci/0"],
      ["then the workers by number", "ci/0", [{}, asked, asked], "ci/1"],
      ["each keeps it until it works again", "ci/1", [{}, { ready: false }, asked], "ci/1"],
      ["then the next", "ci/1", [{}, {}, asked], "ci/2"],
      ["at the end nobody", "ci/2", [{}, {}, {}], null],
      ["a worker alone, where the web need not", null, [{}, {}, asked], "ci/2"],
      ["nobody while one is away whose turn was taken back", null, [{}, { ready: false }, asked], null],
    ])("%s", (_, turn, units, expected) => {
      expect(turnAmong(turn, units)).toBe(expected);
    });

    test("a unit that has left in the middle of it holds nobody up", () => {
      expect(turnAmong("ci/1", [{}, { ready: false }, asked], { alive: ["ci/0", "ci/2"] })).toBe("ci/2");
    });

    test("also while a release is on its way", () => {
      const open = { peers: { cluster: { release: { manifestSha256: null } } } };
      expect(turnAmong(null, [{}, asked], open)).toBe("ci/1");
    });
  });

  test("a web that was placed anew in the middle of it goes before the worker whose turn it is", () => {
    expect(rolling("ci/1", [old, true], [RELEASE, false])).toBe("ci/0");
  });

  test("a repaired copy of the release counts as the release", () => {
    expect(rolling(null, [`${RELEASE}.2`, true], [RELEASE, true])).toBeNull();
  });

  test("nobody while the manifest is open", () => {
    const open = change(web, {
      peers: { cluster: change(cluster, { turn: "ci/0", fetcher: "ci/1", release: { manifestSha256: null } }) },
      local: { followed: null },
    });
    expect(lead(open)?.turn).toBeNull();
  });
});

describe("who fetches", () => {
  test("moves away from a store it cannot write to", () => {
    const readOnly = change(web, {
      peers: { report: change(webReport, { store: { id: "store-1", writable: false } }) },
    });
    expect(lead(readOnly)?.fetcher).toBe("ci/1");
  });

  test("moves to the leader once it has got the lock, for as long as nothing is published", () => {
    const fetch = { version: "7.14.3", step: "downloading" as const, bytes: 1, total: 2, rate: 1, holder: null };
    const away = { fetcher: "ci/1", release: { manifestSha256: null } };
    const took = change(web, {
      peers: { cluster: change(cluster, away), report: { published: null } },
      local: { followed: null, agent: { fetch } },
    });
    expect(lead(took)?.fetcher).toBe("ci/0");
    const waits = change(took, { local: { agent: { fetch: { ...fetch, step: "waiting" } } } });
    expect(lead(waits)?.fetcher).toBe("ci/1");
    const done = change(took, { peers: { cluster: change(cluster, { fetcher: "ci/1" }) } });
    expect(lead(done)?.fetcher).toBe("ci/1");
  });

  test("stays while it has not reported", () => {
    expect(lead(change(web, { peers: { report: null } }))?.fetcher).toBe("ci/0");
  });
});
