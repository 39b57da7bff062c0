/** What goes wrong while everything runs: named in the status, survived by what runs, healed by itself. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { standInArchive, type StandIn } from "../../standin/archive.ts";
import { APPLICATION, DATABASE, deployConcourse, MOUNT_POINT, type Concourse } from "./concourse.ts";
import { expectToHeal, table, type Figure } from "./faults.ts";
import { Tool } from "./tool.ts";

const NEXT = "7.14.4";
/** Bytes a second: an upgrade that goes on for as long as it is looked at. */
const TRICKLE = 20_000;
const READY = /^active (Web server|Worker) ready/;
const ON_ITS_WAY = /^maintenance Downloading Concourse 7\.14\.4/;

let tool: Tool;
let concourse: Concourse;
let next: StandIn;
let web = "";
let leader = "";
const figures: Figure[] = [];

beforeAll(async () => {
  tool = await Tool.create("faults-running");
  next = await standInArchive({ version: NEXT, variant: "small" });
  concourse = await deployConcourse(tool, { units: 3 });
  await concourse.ready();
  ({ web } = await concourse.roles());
  leader = await concourse.leader();
});
afterAll(async () => {
  process.stdout.write(table(figures));
  await tool.remove();
});

test.each([
  ["mode", "bogus", "auto", '"bogus" is unknown, use auto, web or worker'],
  ["shared-storage", "nfs", "lxc", '"nfs" is unknown, use none or lxc'],
  ["version", "v7.latest", "7.14.3", '"v7.latest" is no version, write it like 7.14.3'],
  ["release-digest", "abc", "", "is no SHA-256: 64 hex digits"],
])("option %s is %j", async (option, wrong, right, complaint) => {
  const shown = `blocked Option ${option}: ${complaint}. juju config ${APPLICATION} ${option}=…`;
  await expectToHeal(concourse, figures, {
    name: `${option}=${wrong}`,
    unit: web,
    cause: () => concourse.configure({ [option]: wrong }),
    shows: new RegExp(`^${shown.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`),
    remedy: () => concourse.configure({ [option]: right }),
    heals: READY,
  });
});

test("a version that nobody has", async () => {
  await expectToHeal(concourse, figures, {
    name: "unknown version",
    unit: leader,
    cause: () => concourse.configure({ version: "7.99.0" }),
    shows: /^blocked .* has no concourse-7\.99\.0-linux-\w+\.tgz: set another \(juju config/,
    remedy: () => concourse.configure({ version: "7.14.3" }),
    heals: READY,
  });
});

test("an archive without a digest", async () => {
  await concourse.serve(next);
  await concourse.throttle(TRICKLE);
  await expectToHeal(concourse, figures, {
    name: "digest missing",
    unit: leader,
    cause: async () => {
      await concourse.faults({ digest: "missing" });
      await concourse.configure({ version: NEXT });
    },
    shows: /^blocked concourse-7\.14\.4-linux-\w+\.tgz\.sha256 .*is missing \(404\): add it, or set release-digest$/,
    remedy: () => concourse.noFaults(),
    heals: ON_ITS_WAY,
  });
});

test("a mirror that is down", async () => {
  await expectToHeal(concourse, figures, {
    name: "mirror down",
    unit: leader,
    cause: () => concourse.faults({ down: true }),
    shows: /^waiting \S+:\d+ (refuses connections: start it|cut the connection)/,
    remedy: () => concourse.noFaults(),
    heals: ON_ITS_WAY,
  });
});

test("a mirror that sends nothing", async () => {
  await expectToHeal(concourse, figures, {
    name: "mirror stalls",
    unit: leader,
    cause: () => concourse.faults({ stall: true }),
    shows: /^waiting \S+:\d+ does not answer: check it or the network; retrying$/,
    remedy: () => concourse.noFaults(),
    heals: ON_ITS_WAY,
  });
});

test("a mirror that cuts every connection", async () => {
  await expectToHeal(concourse, figures, {
    name: "mirror cuts",
    unit: leader,
    cause: () => concourse.faults({ cut: { afterBytes: 50_000, times: "always" } }),
    shows: /^waiting \S+:\d+ cut the connection: check it or a proxy in between; retrying$/,
    remedy: () => concourse.noFaults(),
    heals: ON_ITS_WAY,
  });
});

test("a web page in place of the archive", async () => {
  await expectToHeal(concourse, figures, {
    name: "HTML",
    unit: leader,
    cause: () => meetAnew({ html: true }),
    shows: /^blocked \S+:\d+ gives a web page instead of an archive: check release-mirror$/,
    remedy: () => concourse.noFaults(),
    heals: ON_ITS_WAY,
  });
});

test("a truncated archive", async () => {
  await expectToHeal(concourse, figures, {
    name: "truncated",
    unit: leader,
    cause: async () => {
      await meetAnew({ truncated: { bytes: next.size - 1_000_000, length: "right" } });
      await concourse.throttle(null);
    },
    shows: /^blocked Archive of 7\.14\.4 ends after 1000000 bytes: put the whole file at \S+:\d+$/,
    remedy: async () => {
      await concourse.throttle(TRICKLE);
      await concourse.noFaults();
    },
    heals: ON_ITS_WAY,
  });
});

test("a digest that is not the archive's", async () => {
  await asBefore();
  await expectToHeal(concourse, figures, {
    name: "digest wrong",
    unit: leader,
    cause: async () => {
      await concourse.throttle(null);
      await concourse.faults({ digest: "wrong" });
      await concourse.configure({ version: NEXT });
    },
    shows: /^blocked Archive of 7\.14\.4 has sha256 \w{8}…, not 00000000…: correct it at \S+ or set release-digest$/,
    remedy: async () => {
      await concourse.throttle(TRICKLE);
      await concourse.noFaults();
    },
    heals: ON_ITS_WAY,
  });
});

test("a wrong release-digest", async () => {
  await asBefore();
  await expectToHeal(concourse, figures, {
    name: "release-digest wrong",
    unit: leader,
    cause: async () => {
      await concourse.throttle(null);
      await concourse.configure({ version: NEXT, "release-digest": "f".repeat(64) });
    },
    shows: /^blocked Archive of 7\.14\.4 has sha256 \w{8}…, not ffffffff…: correct it at \S+ or set release-digest$/,
    remedy: async () => {
      await concourse.throttle(TRICKLE);
      await concourse.configure({ "release-digest": "" });
    },
    heals: ON_ITS_WAY,
  });
});

test("the upgrade that all this held up goes through", async () => {
  await concourse.throttle(null);
  await concourse.untilStatus(web, /^active Web server ready \(v7\.14\.4\)/, 120_000);
  await concourse.ready();
  const releases = Object.values(await concourse.vitals()).map(({ release }) => release);
  expect(releases.every((name) => name.startsWith(`${NEXT}-linux-`))).toBe(true);
});

test.each([
  ["stop-server", "start-server"],
  ["pause", "resume"],
])("PostgreSQL down: %s", async (end, begin) => {
  await expectToHeal(concourse, figures, {
    name: `PostgreSQL ${end}`,
    unit: web,
    cause: () => concourse.act(`${DATABASE}/0`, end),
    shows: /^waiting PostgreSQL \S+ does not answer \(\w+\): see juju status$/,
    remedy: () => concourse.act(`${DATABASE}/0`, begin),
    heals: READY,
  });
});

test("the relation with PostgreSQL removed", async () => {
  await expectToHeal(concourse, figures, {
    name: "relation removed",
    unit: web,
    cause: async () => {
      await tool.ok("remove-relation", "-m", tool.model, APPLICATION, DATABASE);
      await tool.until("it is gone", ({ relations }) => relations.every(({ type }) => type === "peer"));
    },
    shows: /^blocked .*juju integrate/,
    remedy: () => concourse.integrate(),
    heals: READY,
    goesOn: "workers",
  });
  await concourse.ready();
});

test("the shared directory detached: nothing is written in its place", async () => {
  let left = "unknown";
  await expectToHeal(concourse, figures, {
    name: "disk detached",
    unit: web,
    cause: () => concourse.detach(),
    shows: /^(waiting|blocked) Waiting for shared storage mount/,
    remedy: async () => {
      left = await concourse.inUnit(web, `ls --almost-all ${MOUNT_POINT}`);
      await concourse.attach();
    },
    heals: READY,
  });
  expect(left.trim()).toBe("");
  await concourse.ready();
});

/** On the old version again, with the new one to be had: what a test changes next is met from the first request on. */
async function asBefore(): Promise<void> {
  await concourse.serve(concourse.archive);
  await concourse.configure({ version: "7.14.3" });
  await concourse.untilStatus(leader, READY);
  await concourse.serve(next);
}

/** Ends the connection under way, so that the next request meets the fault. */
async function meetAnew(faults: Parameters<Concourse["faults"]>[0]): Promise<void> {
  await concourse.faults({ down: true });
  await concourse.faults({ down: false, ...faults });
}
