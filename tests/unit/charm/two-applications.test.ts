import { describe, expect, test } from "vitest";
import type { Damage } from "../../../src/agent/contract.ts";
import type { Facts, Flight } from "../../../src/charm/facts.ts";
import { HOSTS_FILE } from "../../../src/charm/hosts.ts";
import { lead as decide, toResolve } from "../../../src/charm/lead.ts";
import { describe as describeUnit } from "../../../src/charm/describe.ts";
import { leasesForOthers } from "../../../src/charm/leases.ts";
import { ordersFor } from "../../../src/charm/orders.ts";
import { plan } from "../../../src/charm/plan.ts";
import { wordsToOthers } from "../../../src/charm/publish-tsa.ts";
import { publication } from "../../../src/charm/publish.ts";
import { isReady } from "../../../src/charm/ready.ts";
import { status } from "../../../src/charm/status.ts";
import { WEB_SERVICE, WORKER_SERVICE } from "../../../src/concourse/services.ts";
import { FILES } from "../../../src/concourse/settings.ts";
import type { Cluster } from "../../../src/relations/peers.ts";
import { readWebApplicationBag, readWebBag, readWorkerBag } from "../../../src/relations/tsa.ts";
import { releaseName } from "../../../src/store/layout.ts";
import { change, PUBLIC_KEY, RELEASE, target, web, webReport, worker } from "./facts.ts";
import { flight, oneOfWebs, remoteWorker, tsa, WELCOME, workerWord } from "./two-applications.ts";

const lead = (facts: Facts): Cluster | null => decide(facts, facts.peers?.report ?? null);
const next = { ...target, version: "8.2.5", sha256: "e".repeat(64) };
const written = (facts: Facts, path: string): string | undefined =>
  plan(facts).flatMap((step) => (step.do === "write" && step.path === path ? [step.content] : []))[0];
const verbs = (facts: Facts): string[] =>
  plan(facts).flatMap((step) => (step.do === "service" ? [`${step.verb} ${step.service}`] : []));
const behind = (difference: Partial<Flight>): Facts => ({ ...remoteWorker, flight: { ...flight, ...difference } });

describe("the mode is the leader's decision", () => {
  test.each<[string, Facts, object]>([
    ["nothing changes by itself: webs", oneOfWebs, { generation: 4 }],
    ["nothing changes by itself: workers", remoteWorker, { generation: 4 }],
    ["auto becomes web", change(web, { options: { mode: "web" } }), { mode: "web", web: "ci/0" }],
    ["auto becomes worker", change(web, { options: { mode: "worker" } }), { mode: "worker", web: null }],
    [
      "a value that makes no sense changes nothing",
      { ...remoteWorker, options: web.options, mistakes: [{ option: "mode", message: "x" }] },
      { mode: "worker", generation: 4 },
    ],
  ])("%s", (_, facts, expected) => {
    expect(lead(facts)).toMatchObject(expected);
  });

  test("a unit that loses a role stops that service", () => {
    const demoted = change(web, {
      peers: { cluster: { generation: 5, mode: "worker", web: null } },
      local: { services: { [WEB_SERVICE]: { active: "active", enabled: true } } },
    });
    expect(verbs(demoted)).toContain(`stop ${WEB_SERVICE}`);
  });

  test("workers make no secrets and ask for no database", () => {
    const alone = change(remoteWorker, {
      database: { relation: "postgresql:1", requested: false },
      local: { agent: { clusterSecretReady: true } },
    });
    expect(ordersFor(alone)).toMatchObject({ clusterSecret: false, database: null, web: null });
    expect(publication(alone, status(alone)).addSecret).toBe(false);
  });
});

describe("the release of an application of workers", () => {
  const away = { word: { release: next, store: "store-2" } };
  const open = { ...next, manifestSha256: null };

  test.each<[string, Facts, object]>([
    [
      "is the webs', as it is, on the store that both have, and nobody here fetches it",
      behind({ word: { release: next, store: "store-1" } }),
      { release: next, fetcher: null },
    ],
    [
      "is fetched anew on another store, by the same digest",
      behind(away),
      { release: { ...next, manifestSha256: null }, fetcher: "build/1" },
    ],
    ["stays while the webs say nothing", behind({ word: null }), { release: target }],
    [
      "stays the option's, which somebody here has to fetch",
      change(behind({ word: { release: next, store: "store-1" } }), { options: { version: "7.14.3" } }),
      { release: target, fetcher: "build/1" },
    ],
    [
      "is the webs' where the option names the same: nobody here fetches it",
      change(behind({ word: { release: open, store: "store-1" } }), { options: { version: next.version } }),
      { release: open, fetcher: null },
    ],
    [
      "is fetched here where it has to be another archive",
      change(behind({ word: { release: next, store: "store-1" } }), { options: { releaseDigest: "f".repeat(64) } }),
      { fetcher: "build/1" },
    ],
  ])("%s", (_, facts, expected) => {
    expect(lead(facts)).toMatchObject(expected);
  });

  const ofOthers = (...versions: (string | null)[]): Facts =>
    behind({
      word: null,
      webs: versions.map((version, i) => ({ ...(flight.webs[i] as Flight["webs"][number]), version, word: null })),
    });

  test.each<[string, Facts, object | null]>([
    ["what the webs of ours run needs no question", remoteWorker, null],
    ["nobody to go by yet", change(behind({ word: null, webs: [] }), noRelease()), null],
    ["webs of another charm say a version", ofOthers("8.2.5", "8.2.5"), { version: "8.2.5", arch: "amd64" }],
    ["of which half have changed", ofOthers("7.14.3", "8.2.5"), null],
    [
      "for machines of another kind",
      change(remoteWorker, { ...noRelease(), local: { arch: "arm64" } }),
      { version: "7.14.3", arch: "arm64" },
    ],
    [
      "a version of its own",
      change(remoteWorker, { options: { version: "8.0.0" } }),
      { version: "8.0.0", arch: "amd64" },
    ],
  ])("%s", (_, facts, expected) => {
    expect(toResolve(facts)).toEqual(expected);
  });

  function noRelease(): { peers: { cluster: { release: null } }; local: { followed: null } } {
    return { peers: { cluster: { release: null } }, local: { followed: null } };
  }

  test.each<[string, (string | null)[], string | null, string | null]>([
    ["while a web is behind", [releaseName(next), RELEASE], null, null],
    ["once all have changed", [releaseName(next), releaseName(next)], null, "build/0"],
    ["a web that runs nothing yet holds nobody up", [releaseName(next), null], null, "build/0"],
    ["nor does one whose place another took", [releaseName(next), RELEASE], "ci/0", "build/0"],
    ["the one that took the place does", [releaseName(next), RELEASE], "ci/1", null],
    ["a name of another model tells nothing", [releaseName(next), RELEASE], "there/0", null],
  ])("its turn comes after the webs': %s", (_, running, web, expected) => {
    const webs = running.map((name, i) => {
      const one = flight.webs[i] as Flight["webs"][number];
      return { ...one, word: { ...WELCOME, running: name } };
    });
    const rolling = behind({ word: { release: next, store: "store-1", web }, webs });
    expect(lead(rolling)?.turn ?? null).toBe(expected);
    if (expected === null) {
      const committed = change(rolling, {
        peers: { cluster: { generation: 5, release: next } },
        local: { agent: { release: { sha256: next.sha256, name: releaseName(next), verified: true } } },
      });
      expect(status(committed).message).toBe("Waiting for its turn to change to Concourse 8.2.5, after ci");
    }
  });
});

describe("a worker behind flight", () => {
  const hosts = (facts: Facts): string[] => written(facts, HOSTS_FILE)?.match(/^\S+(?= tsa\.)/gm) ?? [];
  const running = (facts: Facts): Facts => {
    const files = Object.fromEntries(
      plan(facts).flatMap((step) => (step.do === "write" ? [[step.path, step.content]] : [])),
    );
    const config = /^CHARM_CONFIG="(.*)"$/m.exec(files[FILES.workerEnvironment] ?? "")?.[1] ?? null;
    const service = { active: "active", enabled: true, pid: 9, since: 1, restarts: 0, release: RELEASE, config };
    return change(facts, { local: { files, services: { [WORKER_SERVICE]: service } } });
  };

  test("reaches all webs by one name, and trusts their keys", () => {
    expect(hosts(remoteWorker).toSorted()).toEqual(["10.1.1.10", "10.1.1.11"]);
    expect(written(remoteWorker, FILES.workerEnvironment)).toContain(
      'CONCOURSE_TSA_HOST="tsa.concourse.internal:2222"',
    );
    expect(written(remoteWorker, FILES.tsaPublicKey)).toBe(`${PUBLIC_KEY}\n`);
    expect(verbs(remoteWorker)).toEqual([`start ${WORKER_SERVICE}`]);
  });

  test("is not restarted when a web comes or goes", () => {
    const one = running(behind({ webs: flight.webs.slice(0, 1) }));
    expect(plan(change(one, { flight })).map((step) => step.do)).toEqual(["write"]);
  });

  test.each<[string, string, string[], string]>([
    ["a name", "web.example:2222", [], "web.example:2222"],
    ["another port", "10.1.1.10:2223", [], "10.1.1.10:2223"],
    ["a list", "10.1.1.10:2222,w:2222", ["10.1.1.10"], "tsa.concourse.internal:2222,w:2222"],
    ["IPv6", "[fd00::1]:2222,[fd00::2]:1", ["fd00::1"], "[fd00::2]:1,tsa.concourse.internal:2222"],
  ])("takes what a web says: %s", (_, said, addresses, tsaHost) => {
    const facts = behind({ webs: [{ ...(flight.webs[0] as Flight["webs"][number]), hosts: said }] });
    expect(hosts(facts)).toEqual(addresses);
    expect(written(facts, FILES.workerEnvironment)).toContain(`CONCOURSE_TSA_HOST="${tsaHost}"`);
  });

  test("passes over a web that cannot be reached by what it says", () => {
    const lost = { ...(flight.webs[0] as Flight["webs"][number]), hosts: "no host" };
    expect(plan(behind({ webs: [lost] }))).toEqual([]);
    expect(status(behind({ webs: [lost] })).message).toBe("Waiting for TSA connection info from ci");
    expect(hosts(behind({ webs: [lost, flight.webs[1] as Flight["webs"][number]] }))).toEqual(["10.1.1.11"]);
  });

  test("starts once one web lets it in, and not before", () => {
    const [first, second] = flight.webs.map((one) => ({
      ...one,
      word: { ...WELCOME, running: RELEASE, authorised: [] },
    }));
    expect(verbs(behind({ webs: [first!, second!] }))).toEqual([]);
    expect(verbs(behind({ webs: [first!, flight.webs[1]!] }))).toEqual([`start ${WORKER_SERVICE}`]);
  });

  test("of another charm's web starts at once, and is ready when it runs: nobody says more", () => {
    const other = running(behind({ word: null, webs: flight.webs.map((one) => ({ ...one, word: null })) }));
    expect(isReady(other)).toBe(true);
    expect(isReady(running(remoteWorker))).toBe(false);
    const since = [{ name: "0b1c2d3e-build-0", since: 2 }];
    const listed = behind({ webs: [{ ...flight.webs[0]!, word: { ...WELCOME, running: RELEASE, workers: since } }] });
    expect(isReady(running(listed))).toBe(true);
  });

  test("may use a store together with other applications behind the same webs", () => {
    const second = { ...tsa, relation: "tsa:4", application: "gpu" };
    const webs = change(oneOfWebs, { tsa: [tsa, second] });
    const bag = wordsToOthers(webs).find((one) => one.relation === "tsa:3" && one.bag === "application")?.data ?? {};
    const facts = change(remoteWorker, { flight: { word: readWebApplicationBag(bag) } });
    expect(ordersFor(facts)?.store.related).toEqual(["0b1c2d3e-build", "0b1c2d3e-ci", "0b1c2d3e-gpu"]);
    const without = change(webs, { peers: { cluster: { generation: 5, store: null } } });
    expect(wordsToOthers(without).find((one) => one.bag === "application")?.data["web"]).toContain('"applications":[]');
  });

  test("stops without a web application", () => {
    expect(verbs({ ...running(remoteWorker), flight: null })).toEqual([`stop ${WORKER_SERVICE}`]);
  });

  test("reads nobody's bag among its peers unless it leads or fetches", () => {
    expect(ordersFor(remoteWorker)?.fetch).toBe(false);
    expect(ordersFor(remoteWorker)?.store.related).toEqual(["0b1c2d3e-build", "0b1c2d3e-ci"]);
  });
});

describe("a web with workers behind tsa", () => {
  test("lets them in, the unreadable ones left out and named", () => {
    const bad = { unit: "build/1", key: "ssh-ed25519 AAAA", word: null };
    const facts = change(oneOfWebs, { tsa: [{ ...tsa, workers: [...tsa.workers, bad] }] });
    expect(written(facts, FILES.authorizedKeys)).toBe(`${PUBLIC_KEY}\n`);
    expect(describeUnit(facts)["unreadable-keys"]).toEqual(["build/1"]);
  });

  test("is ready whatever key a worker shows; while it is not, many bad ones are one line", () => {
    const bad = ["build/1", "build/2", "build/3"].map((unit) => ({ unit, key: "ssh-ed25519 AAAA", word: null }));
    const facts = change(oneOfWebs, { tsa: [{ ...tsa, workers: bad }] });
    expect(status(facts)).toEqual({ status: "active", message: "Web server ready (v7.14.3) - port 8080" });
    expect(status(change(facts, { local: { agent: { web: { version: null } } } }))).toEqual({
      status: "blocked",
      message: "Unreadable worker key from build/1 and 2 more: juju resolved or remove that unit",
    });
  });

  test("sends people to the same address as every other web", () => {
    const second = change(oneOfWebs, {
      environment: { unit: "ci/1" },
      peers: { address: "10.1.1.11", others: [{ unit: "ci/0", address: "10.1.1.10", report: webReport }] },
    });
    for (const facts of [oneOfWebs, second]) {
      expect(written(facts, FILES.webEnvironment)).toContain('CONCOURSE_EXTERNAL_URL="http://10.1.1.10:8080"');
    }
    expect(written(second, FILES.webEnvironment)).toContain('CONCOURSE_PEER_ADDRESS="10.1.1.11"');
  });
});

describe("what is told across the relation", () => {
  const told = (facts: Facts): Facts => {
    const bag = (relation: string, kind: string, before: object): object =>
      Object.assign(
        {},
        before,
        ...wordsToOthers(facts)
          .filter((word) => word.relation === relation && word.bag === kind)
          .map(({ data }) => data),
      );
    return {
      ...facts,
      tsa: facts.tsa.map((one) => ({
        ...one,
        told: bag(one.relation, "unit", one.told) as typeof one.told,
        toldForAll: one.toldForAll && (bag(one.relation, "application", one.toldForAll) as typeof one.told),
      })),
      flight: facts.flight && {
        ...facts.flight,
        told: bag("flight:3", "unit", facts.flight.told) as typeof flight.told,
      },
    };
  };

  test.each([
    ["webs", oneOfWebs],
    ["workers", remoteWorker],
  ])("is not told again: %s", (_, facts) => {
    expect(wordsToOthers(facts).length).toBeGreaterThan(0);
    expect(wordsToOthers(told(facts))).toEqual([]);
  });

  test("to workers of another charm: addresses and a key, once, whatever becomes of them", () => {
    const others = [{ unit: "w/0", key: PUBLIC_KEY, word: null }];
    const facts = change(oneOfWebs, { tsa: [{ ...tsa, workers: others }] });
    const words = wordsToOthers(facts);
    expect(words).toEqual([
      {
        relation: "tsa:3",
        bag: "unit",
        data: { "tsa-host": "10.1.1.10:2222,10.1.1.11:2222", "tsa-public-key": PUBLIC_KEY },
      },
    ]);
    const later = change(told(facts), {
      local: { current: releaseName(next), agent: { web: { workers: [{ name: "x", state: "running", since: 1 }] } } },
      peers: { cluster: { generation: 5, release: next } },
    });
    expect(wordsToOthers(later)).toEqual([]);
  });

  test("to workers of ours: about them and nobody else", () => {
    const list = ["0b1c2d3e-build-0", "stranger"].map((name) => ({ name, state: "running", since: 7 }));
    const facts = change(oneOfWebs, {
      local: { agent: { web: { workers: list } }, files: { [FILES.authorizedKeys]: `${PUBLIC_KEY}\n` } },
    });
    const bag = readWebBag(wordsToOthers(facts).find(({ bag }) => bag === "unit")?.data ?? {});
    expect(bag?.word).toEqual({ ...WELCOME, running: RELEASE, workers: [{ name: "0b1c2d3e-build-0", since: 7 }] });
  });

  test("the release stays told while no worker is there: the next one goes by it", () => {
    const empty = change(told(oneOfWebs), { peers: { cluster: { generation: 5, release: next } } });
    const left = { ...empty, tsa: empty.tsa.map((one) => ({ ...one, workers: [] })) };
    const word = wordsToOthers(left).find(({ bag }) => bag === "application");
    expect(word?.data["web"]).toContain(next.version);
    expect(readWebApplicationBag(word?.data ?? {})?.web).toBeNull();
    const auto = change(left, { peers: { cluster: { mode: "auto" } } });
    const alone = wordsToOthers(auto).find(({ bag }) => bag === "application")?.data ?? {};
    expect(readWebApplicationBag(alone)?.web).toBe("ci/0");
    const never = { ...left, tsa: left.tsa.map((one) => ({ ...one, toldForAll: {} })) };
    expect(wordsToOthers(never).some(({ bag }) => bag === "application")).toBe(false);
  });

  test("a unit that is no web any more takes its word back", () => {
    const demoted = change(told(oneOfWebs), { peers: { cluster: { generation: 5, mode: "worker" } } });
    const data = wordsToOthers(demoted).map((word) => word.data);
    expect(data).toEqual([{ "tsa-host": "", "tsa-public-key": "", web: "" }, { web: "" }]);
  });

  test("a worker asks for its lease only where the webs have its store, and a lost store takes nothing back", () => {
    const asked = (facts: Facts): readonly string[] | null | undefined =>
      readWorkerBag(told(facts).flight?.told ?? {}).word?.lease;
    expect(asked(remoteWorker)).toEqual([RELEASE]);
    expect(asked(behind({ word: { release: target, store: "store-2" } }))).toBeNull();
    expect(asked(change(told(remoteWorker), { local: { agent: { store: { mounted: false } } } }))).toEqual([RELEASE]);
    expect(asked(change(remoteWorker, { local: { agent: { store: { writable: true } } } }))).toBeNull();
  });
});

describe("leases that the fetcher holds for others", () => {
  const member = "0b1c2d3e-build-0";

  test.each<[string, Facts, unknown]>([
    ["as they ask", oneOfWebs, [{ member, releases: [RELEASE] }]],
    ["only the fetcher", change(oneOfWebs, { peers: { cluster: { fetcher: "ci/1" } } }), undefined],
    ["only on a shared store", change(oneOfWebs, { options: { sharedStorage: "none" } }), undefined],
    ["none for who leases itself", askedBy({ lease: null }), []],
    ["nothing that is no release", askedBy({ lease: ["x", RELEASE] }), [{ member, releases: [RELEASE] }]],
    [
      "under the name that Juju knows the unit by, whatever it calls itself",
      askedBy({ name: "0b1c2d3e-ci-0" }),
      [{ member, releases: [RELEASE] }],
    ],
    [
      "kept for a unit that has not come into sight",
      change(oneOfWebs, { tsa: [{ ...tsa, workers: [] }] }),
      [{ member, releases: null }],
    ],
    [
      "kept for one on its way out, whose processes may still run",
      change(oneOfWebs, { tsa: [{ ...tsa, workers: [] }], aliveBehindTsa: [], leaving: ["build/0"] }),
      [{ member, releases: null }],
    ],
    ["given up for one that is gone", change(oneOfWebs, { tsa: [{ ...tsa, workers: [] }], aliveBehindTsa: [] }), []],
    [
      "of its own application too",
      change(web, { peers: { others: [{ unit: "ci/1", address: null, report: { ...webReport, lease: [RELEASE] } }] } }),
      [{ member: "0b1c2d3e-ci-1", releases: [RELEASE] }],
    ],
  ])("%s", (_, facts, expected) => {
    expect(leasesForOthers(facts)).toEqual(expected);
  });

  function askedBy(difference: object): Facts {
    const word = { ...workerWord, ...difference };
    return change(oneOfWebs, { tsa: [{ ...tsa, workers: [{ unit: "build/0", key: PUBLIC_KEY, word }] }] });
  }

  test("what was ordered stands while Juju cannot say who is here", () => {
    const orders = ordersFor(oneOfWebs);
    const blind = {
      ...change(oneOfWebs, { alive: null, aliveBehindTsa: null }),
      local: { ...oneOfWebs.local, orders },
    };
    expect(leasesForOthers(blind)).toEqual([{ member, releases: [RELEASE] }]);
  });

  test("a unit that cannot write changes its release only once its lease can be read", () => {
    const committed = change(remoteWorker, {
      peers: { cluster: { generation: 5, release: next, turn: "build/0" } },
      local: {
        agent: {
          release: {
            sha256: next.sha256,
            name: releaseName(next),
            manifestSha256: next.manifestSha256 ?? "",
            verified: true,
          },
        },
      },
    });
    expect(plan(committed).some((step) => step.do === "link-release")).toBe(false);
    expect(status(committed).message).toBe("Waiting for ci to lease Concourse 8.2.5 for this unit");
    // Nobody of its application can write, so it is named itself: it waits for the webs' fetcher all the same.
    const named = change(committed, { peers: { cluster: { fetcher: "build/0" } } });
    expect(status(named).message).toBe("Waiting for ci to lease Concourse 8.2.5 for this unit");
    const leased = change(committed, { local: { agent: { lease: [RELEASE, releaseName(next)] } } });
    expect(plan(leased).some((step) => step.do === "link-release")).toBe(true);
  });
});

describe("damage that a worker of another application sees", () => {
  const harm = (release: string, programs = true) => ({ release, programs });
  const heard = (damaged: readonly Damage[], committed: Partial<Cluster> = {}): Facts =>
    change(oneOfWebs, {
      peers: { cluster: committed },
      local: { followed: committed },
      tsa: [{ ...tsa, workers: [{ unit: "build/0", key: PUBLIC_KEY, word: { ...workerWord, damaged } }] }],
    });

  test("travels to the webs, whose leader has another copy brought and nobody restarted", () => {
    const found = change(remoteWorker, { local: { agent: { damaged: [harm(RELEASE)] } } });
    const [word] = wordsToOthers(found);
    const { damaged = [] } = readWorkerBag(word?.data ?? {}).word ?? {};
    expect(damaged).toEqual([harm(RELEASE)]);
    expect(lead(heard(damaged))).toMatchObject({
      generation: 5,
      release: { ...target, manifestSha256: null },
      damaged: [harm(RELEASE, false)],
    });
  });

  test("named again, or of another release, changes nothing", () => {
    const known = { damaged: [harm(RELEASE, false)] };
    expect(lead(heard([harm(RELEASE)], known))).toMatchObject({ generation: 4, release: target });
    expect(lead(heard([harm(releaseName(next))]))).toMatchObject({ generation: 4, damaged: [] });
  });

  test("is heeded so often only that what the webs see still counts", () => {
    const copies = [2, 3, 4, 5, 6].map((copy) => `${RELEASE}.${copy}`);
    expect(lead(heard(copies.map((name) => harm(name))))?.damaged).toHaveLength(2);
    const own = change(heard(copies.map((name) => harm(name))), { peers: { report: { damaged: [harm(RELEASE)] } } });
    const [first, second] = copies;
    expect(lead(own)?.damaged.map(({ release }) => release)).toEqual([RELEASE, first]);
    const full = change(own, { peers: { cluster: { damaged: [harm(first ?? ""), harm(second ?? "")] } } });
    expect(lead(full)?.damaged.map(({ release }) => release)).toEqual([RELEASE, first, second]);
  });

  test.each<[string, Facts]>([
    ["on a store of their own", behind({ word: { release: target, store: "store-2" } })],
    ["in a version of their own", change(remoteWorker, { options: { version: "7.14.2" } })],
    ["behind webs of another charm", behind({ word: null })],
  ])("stays among the workers %s", (_, facts) => {
    const found = change(facts, { local: { agent: { damaged: [harm(RELEASE)] } } });
    for (const { data } of wordsToOthers(found)) expect(data["worker"]).not.toContain("damaged");
  });
});

describe("what the operator is told", () => {
  test.each<[string, Facts, string, RegExp]>([
    ["no web application", { ...remoteWorker, flight: null }, "blocked", /juju integrate build:flight <web-app>:tsa$/],
    ["two of them", { ...remoteWorker, surplusFlights: ["x"] }, "blocked", /juju remove-relation build:flight x:tsa$/],
    [
      "workers with workers",
      { ...remoteWorker, tsa: [tsa] },
      "blocked",
      /juju remove-relation build:tsa build:flight$/,
    ],
    ["webs with webs", { ...oneOfWebs, flight }, "blocked", /juju remove-relation ci:flight ci:tsa$/],
    ["auto with a web application", { ...worker, flight }, "blocked", /juju remove-relation ci:flight ci:tsa$/],
    [
      "an unreadable host key",
      behind({ webs: [{ ...flight.webs[0]!, hostKeys: `${PUBLIC_KEY}\nssh-dss AAAA` }] }),
      "blocked",
      /^Unreadable TSA key from ci\/0/,
    ],
    ["no word from the webs", behind({ webs: [] }), "waiting", /^Waiting for TSA connection info from ci$/],
    [
      "webs that are away",
      behind({ webs: flight.webs.map((one) => ({ ...one, word: { ...WELCOME, running: null, answering: false } })) }),
      "waiting",
      /^Waiting for the web server on ci$/,
    ],
    [
      "webs that do not know the key",
      behind({ webs: flight.webs.map((one) => ({ ...one, word: { ...WELCOME, running: null, authorised: [] } })) }),
      "waiting",
      /^Waiting for ci to let this worker in$/,
    ],
    [
      "nothing to go by",
      change(behind({ word: null, webs: [] }), { peers: { cluster: { release: null } }, local: { followed: null } }),
      "waiting",
      /^Waiting for ci to say which release it runs$/,
    ],
    [
      "a store that turns out to be the webs'",
      change(behind({ webs: [] }), {
        local: {
          orders: { store: { related: ["0b1c2d3e-build"] } },
          agent: { store: { mounted: true, problem: { code: "foreign-store", message: "x", blocked: true } } },
        } as object,
      }),
      "waiting",
      /^Waiting for TSA connection info from ci$/,
    ],
    [
      "a version that nobody here can fetch",
      change(remoteWorker, {
        options: { version: "8.2.5" },
        peers: { cluster: { generation: 5, fetcher: "build/0", release: { ...next, manifestSha256: null } } },
      }),
      "blocked",
      /^Concourse 8\.2\.5 is not on the store, which is read-only here/,
    ],
    [
      "the webs' download",
      change(remoteWorker, {
        peers: { cluster: { generation: 5, release: { ...next, manifestSha256: null } } },
        local: { agent: { release: null } },
      }),
      "waiting",
      /^Waiting for ci to download Concourse 8\.2\.5$/,
    ],
  ])("%s", (_, facts, name, message) => {
    expect(status(facts)).toEqual({ status: name, message: expect.stringMatching(message) });
  });
});
