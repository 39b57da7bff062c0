import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectNothing, expectWhole, problemOf } from "../../tests/fixtures/store/expectations.ts";
import { fetch, here, mirror, useMirror } from "../../tests/fixtures/store/fetching.ts";
import { fetchFrom } from "../../tests/fixtures/store/place.ts";
import { archive, ports, target } from "../../tests/fixtures/store/sample.ts";
import type { FetchProgress } from "./types.ts";

useMirror();

describe("a server that", () => {
  test("cuts anywhere, any number of times, costs no byte twice", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: archive.length }), { minLength: 1, maxLength: 6 }),
        async (cuts) => {
          here.clear();
          mirror.behaviour.cuts = cuts;
          mirror.sent = 0;
          await fetch();
          await expectWhole();
          // What the server wrote and the cut took away again is counted, too: at most what sockets hold.
          expect(mirror.sent).toBeLessThan(archive.length * 2);
        },
      ),
      { numRuns: 12 },
    );
  });

  test("has another archive after a cut is begun anew with", async () => {
    const { behaviour } = mirror;
    const other = Buffer.from(archive);
    other[1000] = (other[1000] ?? 0) ^ 1;
    Object.assign(behaviour, { body: other, etag: '"two"', cuts: [300_000] });
    const early = fetch({}, target, {
      ...ports,
      clock: { ...ports.clock, sleep: async () => void Object.assign(behaviour, { body: archive, etag: '"three"' }) },
    });
    await early;
    await expectWhole();
    expect(mirror.requests.map(({ headers }) => headers["if-range"])).toEqual([undefined, '"two"', undefined]);
  });

  test("gives no validator is held to the digest", async () => {
    const other = Buffer.from(archive);
    other[1000] = (other[1000] ?? 0) ^ 1;
    Object.assign(mirror.behaviour, { body: other, etag: null, cuts: [300_000, 200_000] });
    const slow = new AbortController();
    const stopped = fetch({ signal: slow.signal }, target, {
      ...ports,
      clock: { ...ports.clock, sleep: async () => slow.abort() },
    });
    await expect(stopped).rejects.toThrow("abort");
    Object.assign(mirror.behaviour, { body: archive, cuts: [] });
    await fetch();
    await expectWhole();
  });

  test("knows no ranges is begun anew with", async () => {
    Object.assign(mirror.behaviour, { ignoreRange: true, cuts: [300_000] });
    await fetch();
    await expectWhole();
  });

  test("has no more than what is there (416) is believed by the digest", async () => {
    mirror.behaviour.cuts = [300_000];
    const stop = new AbortController();
    const clock = { ...ports.clock, sleep: async () => stop.abort() };
    await expect(fetch({ signal: stop.signal }, target, { ...ports, clock })).rejects.toThrow("abort");
    const [partial = ""] = readdirSync(join(here.path, "partial")).filter((file) => file.startsWith(target.sha256));
    writeFileSync(join(here.path, "partial", partial), Buffer.concat([archive, Buffer.from("more")]));
    await fetch();
    await expectWhole();
  });

  test("is down, answers errors, or stalls is tried again, and says so", async () => {
    mirror.behaviour.statuses = [503, 429, 500];
    const problems: unknown[] = [];
    await fetch({ report: ({ problem }: FetchProgress) => problem !== null && problems.push(problem.code) });
    expect(problems).toEqual(["server-error", "server-error", "server-error"]);
    await expectWhole();
  });

  test("stays down is named", async () => {
    const { url } = mirror;
    await mirror.close();
    const { problem } = await problemOf(fetchFrom(here.path, url, target, {}, ports));
    expect(problem).toMatchObject({ code: "server-down", blocked: false });
    expectNothing();
  });

  test("sends no length is read to its end", async () => {
    mirror.behaviour.noLength = true;
    await fetch();
    await expectWhole();
  });

  test("promises more than it has is believed by the digest", async () => {
    mirror.behaviour.extraLength = 10;
    await fetch();
    await expectWhole();
  });
});
