import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Orders } from "../../../src/agent/contract.ts";
import { makeArchive, mirrorOf, type TestArchive } from "./archive.ts";
import { MIRROR, STORE, World } from "./world.ts";

let archive: TestArchive;
let world: World;
beforeEach(async () => {
  archive = await makeArchive();
  world = new World();
});
afterEach(() => world.stop());

const privately = (change: Partial<Orders> = {}): Partial<Orders> => ({
  store: { ...world.orders.store, kind: "private" },
  target: archive.target,
  ...change,
});
const downloads = () => world.requests.filter((line) => line === `GET ${MIRROR}/${archive.name}`).length;
const releases = () => world.fs.names(`${STORE}/releases`);

describe("resolve", () => {
  test.each(["7.14.3", ""])(
    "version %j is asked for, and at leisure again while the question stands",
    async (version) => {
      world.answer = mirrorOf(world.clock, archive);
      await world.start(privately({ target: null, resolve: { version, arch: "amd64" } }));
      await world.clock.advance(4_000);
      expect(world.state.resolved).toEqual({ asked: version, target: archive.target, problem: null });
      const asked = world.requests.length;
      await world.clock.advance(50_000);
      expect(world.requests).toHaveLength(asked * 11);
      world.order({ resolve: null });
      await world.clock.advance(1_000);
      expect(world.state.resolved).toBeNull();
      await world.clock.advance(50_000);
      expect(world.requests).toHaveLength(asked * 11);
    },
  );

  test("a version that does not exist is a problem, and found within ten minutes of being there without asking all the time", async () => {
    world.answer = async () => ({ status: 404 });
    await world.start(privately({ target: null, resolve: { version: "7.14.3", arch: "amd64" } }));
    await world.clock.advance(60_000);
    expect(world.state.resolved).toMatchObject({ asked: "7.14.3", target: null });
    expect(world.state.resolved?.problem).not.toBeNull();
    expect(world.untold()).toEqual([]);
    world.answer = mirrorOf(world.clock, archive);
    const asked = world.requests.length;
    await world.clock.advance(8 * 60_000);
    expect(world.requests).toHaveLength(asked);
    await world.clock.advance(2 * 60_000);
    expect(world.state.resolved).toEqual({ asked: "7.14.3", target: archive.target, problem: null });
  });

  test("a digest that is corrected while the question stands is told within 15 s", async () => {
    const sha256 = "0".repeat(64);
    world.answer = async () => ({ status: 200, body: `${sha256}  it\n` });
    await world.start(privately({ target: null, resolve: { version: "7.14.3", arch: "amd64" } }));
    await world.clock.advance(5_000);
    expect(world.state.resolved?.target?.sha256).toBe(sha256);
    world.answer = mirrorOf(world.clock, archive);
    await world.clock.advance(15_000);
    expect(world.state.resolved?.target).toEqual(archive.target);
  });

  test("the resource is asked for by the charm's own way", async () => {
    world.answer = mirrorOf(world.clock, archive);
    const source = { ...world.orders.source, resource: true };
    await world.start(privately({ source, target: null, resolve: { version: "7.14.3", arch: "amd64" } }));
    await world.clock.advance(4_000);
    expect(world.told.filter(({ what }) => what === "resource").map(({ text }) => text)).toEqual([
      "resource-get concourse-release",
    ]);
    expect(world.state.resolved?.target).toEqual(archive.target);
  });
});

describe("fetch", () => {
  test("is published, verified and told; progress is shown by status-set alone, and never after the end", async () => {
    world.answer = mirrorOf(world.clock, archive, 60_000);
    await world.start(privately({ fetch: true }));
    await world.clock.advance(2_000);
    const atStart = world.wakes().length;
    await world.clock.advance(50_000);
    expect(world.wakes()).toHaveLength(atStart);
    expect(world.state.fetch).toMatchObject({ step: "downloading", version: "7.14.3" });
    await world.clock.advance(30_000);
    expect(world.state.fetch).toMatchObject({ step: "published" });
    expect(world.state.release).toMatchObject({ sha256: archive.target.sha256, verified: true });
    expect(world.state.fetchProblem).toBeNull();
    expect(downloads()).toBe(1);

    const shown = world.statuses();
    expect(shown.length).toBeGreaterThanOrEqual(8);
    expect(shown.every(({ text }) => /^status-set maintenance '(Downloading|Unpacking)[^']*'$/.test(text))).toBe(true);
    expect(shown.some(({ text }) => /Downloading Concourse 7\.14\.3: \d+% of 0 MB/.test(text))).toBe(true);
    const pauses = shown.slice(1).map(({ at }, index) => at - (shown[index]?.at ?? 0));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(4_900);
    const lastWake = world.wakes().at(-1)?.at ?? 0;
    expect(shown.at(-1)?.at).toBeLessThan(lastWake);

    const { changes } = world.fs;
    const told = world.told.length;
    await world.clock.advance(600_000);
    expect(world.told).toHaveLength(told);
    expect(world.fs.changes).toBe(changes);
  });

  test("that crawls shows its size with the first bytes, and figures that are never older than half a minute", async () => {
    world.answer = mirrorOf(world.clock, archive, 100 * 12_000);
    await world.start(privately({ fetch: true }));
    const begun = world.clock.steady();
    await world.clock.advance(60_000);
    const shown = world.statuses();
    expect(shown[0]?.text).toMatch(/Downloading Concourse 7\.14\.3: 1% of 0 MB/);
    expect(shown.map(({ at }) => Math.floor((at - begun) / 1_000))).toEqual([12, 48, 60]);
    await world.clock.advance(100 * 12_000);
    expect(world.state.fetch).toMatchObject({ step: "published" });
  });

  test("a manifest that is committed later changes nothing for the fetcher", async () => {
    world.answer = mirrorOf(world.clock, archive);
    await world.start(privately({ fetch: true }));
    await world.clock.advance(5_000);
    const manifestSha256 = world.state.release?.manifestSha256 ?? "";
    const { sequence } = world.state;
    world.order({ target: { ...archive.target, manifestSha256 } });
    await world.clock.advance(60_000);
    expect(world.state.sequence).toBe(sequence);
    expect(downloads()).toBe(1);
  });

  test("a server that is down is told, and done with within 15 s of its return", async () => {
    await world.start(privately({ fetch: true }));
    await world.clock.advance(60_000);
    expect(world.state.fetchProblem).toMatchObject({ blocked: expect.any(Boolean) as boolean });
    expect(world.untold()).toEqual([]);
    world.answer = mirrorOf(world.clock, archive);
    await world.clock.advance(15_000);
    expect(world.state).toMatchObject({
      fetch: { step: "published" },
      fetchProblem: null,
      release: { verified: true },
    });
  });

  test("a wrong archive is refused, not fetched again and again, and replaced within 15 s by the right one", async () => {
    const wrong = await makeArchive();
    world.answer = mirrorOf(world.clock, { ...wrong, target: archive.target });
    await world.start(privately({ fetch: true }));
    await world.clock.advance(300_000);
    expect(world.state.fetchProblem).toMatchObject({ blocked: true });
    expect(releases()).toEqual([]);
    expect(world.untold()).toEqual([]);
    const right = mirrorOf(world.clock, archive);
    world.answer = async (request) => {
      const answer = await right(request);
      return { ...answer, headers: { ...answer.headers, etag: '"2"' } };
    };
    await world.clock.advance(15_000);
    expect(world.state).toMatchObject({ fetch: { step: "published" }, fetchProblem: null });
  });

  test("another one has the lock: it is named, no source is asked, and its publication ends the wait", async () => {
    world.answer = mirrorOf(world.clock, archive);
    world.lockedBy = "0a1b2c3d-ci-1";
    await world.start(privately({ fetch: true, source: { ...world.orders.source, resource: true } }));
    await world.clock.advance(60_000);
    expect(world.state.fetch).toMatchObject({ step: "waiting" });
    expect(downloads()).toBe(0);
    const asked = () => world.told.filter(({ what }) => what === "resource").length;
    expect(asked()).toBe(0);
    world.lockedBy = null;
    await world.clock.advance(2_000);
    expect(world.state.fetch).toMatchObject({ step: "published" });
    expect(asked()).toBe(1);
  });

  test("quiet orders keep progress out of the unit's status, from that moment and until they are taken back", async () => {
    world.answer = mirrorOf(world.clock, archive, 90_000);
    await world.start(privately({ fetch: true }));
    await world.clock.advance(30_000);
    const loud = world.statuses().length;
    expect(loud).toBeGreaterThan(0);
    world.order({ quiet: true });
    await world.clock.advance(30_000);
    expect(world.statuses()).toHaveLength(loud);
    expect(world.state.fetch).toMatchObject({ step: "downloading" });
    world.order({ quiet: false });
    await world.clock.advance(20_000);
    expect(world.statuses().length).toBeGreaterThan(loud);
    await world.clock.advance(30_000);
    expect(world.state.fetch).toMatchObject({ step: "published" });
    expect(downloads()).toBe(1);
  });

  test("stopping and losing the store end it at once; what was fetched is kept", async () => {
    const disk = world.disk();
    world.fs.attach(STORE, disk);
    world.fs.put(`${STORE}/.lxc_shared_storage`, "");
    world.answer = mirrorOf(world.clock, archive, 60_000);
    await world.start({ target: archive.target, fetch: true });
    await world.clock.advance(30_000);
    world.fs.detach(STORE);
    await world.clock.advance(3_000);
    expect(world.state).toMatchObject({ fetch: null, store: { mounted: false } });
    const shown = world.statuses().length;
    await world.clock.advance(30_000);
    expect(world.statuses()).toHaveLength(shown);
    world.fs.attach(STORE, disk);
    await world.clock.advance(10_000);
    world.order({ stopping: true });
    await world.clock.advance(3_000);
    const told = world.told.length;
    const count = downloads();
    await world.clock.advance(120_000);
    expect(world.told).toHaveLength(told);
    expect(downloads()).toBe(count);
    expect(releases()).toEqual([]);
    world.order({ stopping: false });
    await world.clock.advance(90_000);
    expect(world.state.fetch).toMatchObject({ step: "published" });
  });

  test.each([500, 5_000, 20_000, 45_000, 59_500, 60_500])("killed after %d ms: the next life goes on", async (when) => {
    world.answer = mirrorOf(world.clock, archive, 60_000);
    await world.start(privately({ fetch: true }));
    await world.clock.advance(when);
    world.kill();
    await world.start(privately({ fetch: true }));
    await world.clock.advance(75_000);
    expect(world.state).toMatchObject({
      fetch: { step: "published" },
      release: { verified: true },
      fetchProblem: null,
    });
    expect(releases()).toHaveLength(1);
    expect(world.fs.names(`${STORE}/staging`)).toEqual([]);
    expect(world.untold()).toEqual([]);
  });
});

describe("release", () => {
  /** What another unit of ours has published. */
  async function published(): Promise<string> {
    world.answer = mirrorOf(world.clock, archive);
    await world.start(privately({ fetch: true }));
    await world.clock.advance(5_000);
    const { manifestSha256 = "" } = world.state.release ?? {};
    return manifestSha256;
  }

  test("is found and checked without waking anybody, then told once its manifest is committed", async () => {
    const manifestSha256 = await published();
    await world.stop();
    const waiting = new World();
    const { fs } = world;
    Object.assign(waiting, { fs });
    world = waiting;
    world.fs.remove("/unit/state.json");
    await world.start({ store: { ...world.orders.store, kind: "private" }, target: archive.target, fetch: false });
    await world.clock.advance(2_000);
    expect(world.state.release).toMatchObject({ verified: true });
    const wakes = world.wakes().length;
    await world.clock.advance(60_000);
    expect(world.wakes()).toHaveLength(wakes);
    // The charm has not read it yet: it is told now that it can do something with it.
    world.order({ acknowledged: 1, target: { ...archive.target, manifestSha256 } });
    await world.clock.advance(2_000);
    expect(world.untold()).toEqual([]);
  });

  test("another manifest than the committed one is refused, and counts as damage", async () => {
    await published();
    world.order({ target: { ...archive.target, manifestSha256: "0".repeat(64) }, fetch: false });
    await world.clock.advance(2_000);
    expect(world.state).toMatchObject({
      release: null,
      fetchProblem: { code: "release-damaged", blocked: false },
      damaged: [{ release: releases()[0], programs: false }],
    });
  });

  test("a flipped byte in bin/ is refused when the agent starts, and named", async () => {
    const manifestSha256 = await published();
    const name = releases()[0] ?? "";
    await world.stop();
    world.fs.put(`${STORE}/releases/${name}/bin/runc`, "RUNC", 0o555);
    await world.start(privately({ target: { ...archive.target, manifestSha256 }, fetch: false }));
    await world.clock.advance(2_000);
    expect(world.state.release).toMatchObject({ verified: false });
    expect(world.state.fetchProblem).toMatchObject({
      code: "release-damaged",
      message: expect.stringContaining("bin/runc") as string,
    });
    expect(world.state.damaged).toEqual([{ release: name, programs: true }]);
    expect(world.untold()).toEqual([]);
  });

  test("a flipped byte elsewhere is found in the background", async () => {
    await published();
    const name = releases()[0] ?? "";
    world.fs.put(`${STORE}/releases/${name}/fly-assets/fly-linux-amd64.tgz`, "FLY", 0o444);
    const mode = world.fs.mode(`${STORE}/releases/${name}/fly-assets/fly-linux-amd64.tgz`);
    expect(mode).not.toBeNull();
    await world.clock.advance(120_000);
    expect(world.state.fetchProblem).toMatchObject({ message: expect.stringContaining("fly-assets") as string });
    expect(world.state.release).toMatchObject({ verified: true });
  });

  /** Changes a file of the release in place. */
  const damage = (file: string, content: string, mode = 0o555) =>
    world.fs.put(`${STORE}/releases/${releases()[0]}/${file}`, content, mode);

  test.each([
    ["is cut short", () => damage("bin/runc", "run"), true],
    ["gets another mode", () => damage("bin/runc", "runc", 0o755), true],
    ["is gone", () => world.fs.remove(`${STORE}/releases/${releases()[0]}/fly-assets`), false],
    ["has other contents of the same length", () => damage("fly-assets/fly-linux-amd64.tgz", "FLY"), false],
    ["is the manifest, and gone", () => world.fs.remove(`${STORE}/releases/${releases()[0]}/manifest.json`), false],
  ])("a file that %s shows within 20 s, while everything runs", async (_, harm, programs) => {
    const manifestSha256 = await published();
    world.order({ target: { ...archive.target, manifestSha256 }, fetch: false });
    await world.clock.advance(25_000);
    harm();
    await world.clock.advance(20_000);
    expect(world.state.damaged).toEqual([{ release: releases()[0], programs }]);
    expect(world.state.fetchProblem).toMatchObject({ code: "release-damaged", blocked: false });
    expect(world.untold()).toEqual([]);
  });

  test("a damaged copy that the leader has named is replaced by another one, once", async () => {
    const manifestSha256 = await published();
    const [name = ""] = releases();
    const committed = { ...archive.target, manifestSha256 };
    damage("fly-assets/fly-linux-amd64.tgz", "FLY");
    world.order({ target: { ...committed, manifestSha256: null }, damaged: [name] });
    await world.clock.advance(5_000);
    expect(releases()).toEqual([name, `${name}.2`]);
    expect(world.state).toMatchObject({
      release: { name: `${name}.2`, manifestSha256, verified: true },
      fetchProblem: null,
    });
    world.order({ target: committed });
    await world.clock.advance(3_600_000);
    expect(releases()).toEqual([name, `${name}.2`]);
    expect(downloads()).toBe(2);
    expect(world.state).toMatchObject({ release: { name: `${name}.2` }, fetchProblem: null });
    expect(world.untold()).toEqual([]);
  });

  test("what is damaged of another version is forgotten", async () => {
    const manifestSha256 = await published();
    damage("bin/runc", "run");
    world.order({ target: { ...archive.target, manifestSha256 } });
    await world.clock.advance(20_000);
    expect(world.state.damaged).toHaveLength(1);
    const next = await makeArchive("7.14.4");
    world.order({ target: next.target });
    await world.clock.advance(2_000);
    expect(world.state.damaged).toEqual([]);
  });

  test("a release that comes back after something else was found under its name is adopted again", async () => {
    const manifestSha256 = await published();
    world.order({ fetch: false, target: { ...archive.target, manifestSha256 } });
    await world.clock.advance(5_000);
    const path = `${STORE}/releases/${releases()[0]}`;
    world.fs.move(path, `${STORE}/aside`);
    world.fs.makeDirectories(path);
    await world.clock.advance(30_000);
    expect(world.state.release).toBeNull();
    world.fs.remove(path);
    world.fs.move(`${STORE}/aside`, path);
    await world.clock.advance(30_000);
    expect(world.state).toMatchObject({ release: { verified: true }, fetchProblem: null });
  });

  test("a release that is taken away is fetched anew", async () => {
    await published();
    world.fs.remove(`${STORE}/releases/${releases()[0]}`);
    await world.clock.advance(30_000);
    expect(releases()).toHaveLength(1);
    expect(downloads()).toBe(2);
    expect(world.state.release).toMatchObject({ verified: true });
  });
});
