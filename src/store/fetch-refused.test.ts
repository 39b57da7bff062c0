import { readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { expectNothing, expectWhole, kept, problemOf, refusalOf } from "../../tests/fixtures/store/expectations.ts";
import { withStore } from "../../tests/fixtures/store/failing-ports.ts";
import { fetch, here, mirror, useMirror } from "../../tests/fixtures/store/fetching.ts";
import { fetchFrom, opened, place, targetOf } from "../../tests/fixtures/store/place.ts";
import { archive, name, ports, target } from "../../tests/fixtures/store/sample.ts";
import { release, tgz } from "../../tests/fixtures/store/tar.ts";
import { using } from "./files.ts";
import { sweepOwn } from "./temporary.ts";
import type { BadArchive, Target } from "./types.ts";

useMirror();

describe("nothing is published of", () => {
  const flipped = Buffer.from(archive);
  flipped[200_000] = (flipped[200_000] ?? 0) ^ 0x10;
  const page = Buffer.from("<!DOCTYPE html><title>Log in</title>".padEnd(5000));
  const prose = gzipSync("hello".repeat(200));
  const evil = tgz([...release(), { path: "concourse/../../evil", content: "x" }]);
  const cases: Record<string, readonly [Buffer, Target, string, RegExp]> = {
    "a flipped byte": [
      flipped,
      target,
      "digest-mismatch",
      /has sha256 [0-9a-f]{8}…, not [0-9a-f]{8}…: correct it at 127/,
    ],
    "another archive": [tgz(release("two")), target, "digest-mismatch", /has sha256/],
    "a truncated archive": [archive.subarray(0, 500_000), target, "truncated", /ends after 500000 bytes/],
    "a web page": [page, target, "not-an-archive", /a web page instead of an archive/],
    "nothing at all": [Buffer.alloc(0), target, "not-an-archive", /something instead of an archive/],
    "an evil archive with the right digest": [
      evil,
      targetOf(evil),
      "bad-archive",
      /concourse\/..\/..\/evil: leads out/,
    ],
    "gzip data that is no tar": [prose, targetOf(prose), "bad-archive", /no tar header/],
    "an empty archive": [tgz([]), targetOf(tgz([])), "bad-archive", /nothing in it/],
  };
  test.each(Object.entries(cases))("%s, and it is not fetched twice", async (_, [body, wanted, code, message]) => {
    mirror.behaviour.body = body;
    const { problem, bad } = await refusalOf(fetch({}, wanted));
    expect(problem).toMatchObject({ code, blocked: true });
    expect(problem.message).toMatch(message);
    expectNothing();
    const sent = mirror.sent;
    expect((await problemOf(fetch({ bad }, wanted))).problem).toEqual(problem);
    expect(mirror.sent).toBe(sent);
    expectNothing();
  });

  test("a bad archive that looks the same is fetched again after ten minutes, twenty, …", async () => {
    let now = 0;
    const clock = { ...ports.clock, steady: () => now };
    const later = (minutes: number, bad: readonly BadArchive[]) => {
      now += minutes * 60_000;
      return refusalOf(fetch({ bad }, target, { ...ports, clock }));
    };
    mirror.behaviour.body = flipped;
    const first = await later(0, []);
    mirror.sent = 0;
    expect((await later(9, first.bad)).bad).toEqual(first.bad);
    expect(mirror.sent).toBe(0);
    const second = await later(2, first.bad);
    expect(mirror.sent).toBe(archive.length);
    await later(19, second.bad);
    expect(mirror.sent).toBe(archive.length);
    mirror.behaviour.body = archive;
    now += 2 * 60_000;
    await fetch({ bad: second.bad }, target, { ...ports, clock });
    await expectWhole();
  });

  test("a bad archive that is put right is fetched again", async () => {
    mirror.behaviour.body = flipped;
    const { bad } = await refusalOf(fetch());
    Object.assign(mirror.behaviour, { body: archive, etag: '"right"' });
    await fetch({ bad });
    await expectWhole();
  });

  test("a bad archive is known again by its date where there is no ETag", async () => {
    Object.assign(mirror.behaviour, { body: flipped, etag: null, modified: "Sun, 01 Nov 2026 10:00:00 GMT" });
    const { bad } = await refusalOf(fetch());
    expect((await refusalOf(fetch({ bad }))).bad).toEqual(bad satisfies readonly BadArchive[]);
    expect(mirror.sent).toBe(archive.length);
    mirror.behaviour.body = archive;
    mirror.behaviour.modified = "Sun, 01 Nov 2026 11:00:00 GMT";
    await fetch({ bad });
    await expectWhole();
  });

  test("a version that is not there", async () => {
    mirror.behaviour.statuses = [404];
    expect((await problemOf(fetch())).problem).toMatchObject({ code: "unknown-version", blocked: true });
    expectNothing();
  });

  test("an archive that says it is larger than any release, and nothing of it is fetched", async () => {
    mirror.behaviour.extraLength = 6e9;
    const { problem, bad } = await refusalOf(fetch());
    expect(problem).toMatchObject({ code: "bad-archive", blocked: true });
    expect(problem.message).toMatch(/^Archive of 7\.14\.3 refused: larger than any release/);
    expect(bad).toHaveLength(1);
    expectNothing();
  });

  test("a store without room for it, also where a part of it is kept already", async () => {
    const full = withStore((method) =>
      method === "space" ? async () => ({ total: 1e9, free: archive.length }) : null,
    );
    expect((await problemOf(fetch({}, target, full))).problem).toMatchObject({ code: "no-space", blocked: false });
    expectNothing();
    await keepMost();
    const { requests } = mirror;
    requests.length = 0;
    expect((await problemOf(fetch({}, target, full))).problem).toMatchObject({ code: "no-space", blocked: false });
    expect(requests).toEqual([]);
    expectNothing();
  });
});

const MOST = Math.round(archive.length * 0.8);

/** A server that goes away for long after most of the archive. */
async function keepMost(): Promise<void> {
  const { behaviour } = mirror;
  behaviour.cuts = [MOST];
  const sleep = async () => void (behaviour.statuses = Array.from({ length: 5 }, () => 503));
  const { problem } = await problemOf(fetch({}, target, { ...ports, clock: { ...ports.clock, sleep } }));
  expect(problem.code).toBe("server-error");
  behaviour.statuses = [];
}

describe("room that is just enough stays enough", () => {
  /** A disk on which what is kept takes its room, and twice that unpacked, once this life has begun to fetch. */
  const disk = (total: number) => {
    const used = () => kept() * (mirror.requests.length > 0 ? 3 : 1);
    return withStore((method) => (method === "space" ? async () => ({ total, free: total - used() }) : null));
  };

  test("when the connection is cut near the end", async () => {
    mirror.behaviour.cuts = [MOST];
    await fetch({}, target, disk(archive.length * 3.55));
    await expectWhole();
    expect(mirror.requests).toHaveLength(2);
  });

  test("when another life goes on where one ended", async () => {
    await keepMost();
    const before = kept();
    expect(before).toBeGreaterThan(archive.length / 2);
    mirror.requests.length = 0;
    const outcome = await fetch({}, target, disk(archive.length * 3.55));
    expect(outcome).toMatchObject({ kind: "published", fetched: archive.length - before });
    await expectWhole();
  });
});

describe("what is planted", () => {
  test("under a release's name is refused and named", async () => {
    await (await opened(here.path)).close();
    symlinkSync("/etc", join(here.path, "releases", name));
    const { problem } = await problemOf(fetch());
    expect(problem.code).toBe("planted");
    expect(problem.message).toContain(name.slice(0, 20));
    expect(readlinkSync(join(here.path, "releases", name))).toBe("/etc");
  });

  test("as a partial download is not followed", async () => {
    await (await opened(here.path)).close();
    const victim = join(here.directory, "victim");
    writeFileSync(victim, "precious");
    symlinkSync(victim, join(here.path, "partial", `${target.sha256}.m1-app-0.00000000-0000-4000-8000-000000000000`));
    await fetch();
    expect(readFileSync(victim, "utf8")).toBe("precious");
  });
});

test("a failure of any call is named, leaves nothing half-published, and passes", { timeout: 180_000 }, async () => {
  const codes = ["ENOSPC", "EROFS", "EIO", "ESTALE", "EDQUOT", "EMFILE", "ETXTBSY"];
  const small = tgz(release());
  const wanted = targetOf(small);
  mirror.behaviour.body = small;
  // Each time another life of the agent begins, which clears away what the one before could not.
  // In memory: nothing here is about a disk, and each round makes dozens of files durable.
  await using memory = place("/dev/shm");
  for (let failing = 1, planted = true; planted; failing++) {
    const code = codes[failing % codes.length] ?? "";
    memory.clear();
    await (await opened(memory.path)).close();
    let calls = 0;
    planted = false;
    const failingPorts = withStore((method) => {
      if (method === "close" || method === "space" || ++calls !== failing) {
        return null;
      }
      planted = true;
      return async () => Promise.reject(Object.assign(new Error(code), { code }));
    });
    const outcome: unknown = await fetchFrom(memory.path, mirror.url, wanted, {}, failingPorts).catch(
      (error: unknown) => error,
    );
    if (outcome instanceof Error) {
      expect(outcome).toMatchObject({ problem: { message: expect.stringMatching(/.{20}/) } });
    }
    if (readdirSync(join(memory.path, "releases")).length > 0) {
      await expectWhole(wanted, memory, false);
    }
    await using(await opened(memory.path), (store) => sweepOwn(store));
    await fetchFrom(memory.path, mirror.url, wanted, {}, ports);
    await expectWhole(wanted, memory);
    expect(failing).toBeLessThan(1000);
    expect(planted || failing > 60).toBe(true);
  }
});
