import { mkdirSync, readFileSync, readlinkSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectWhole, kept, problemOf, refusalOf } from "../../tests/fixtures/store/expectations.ts";
import { withStore } from "../../tests/fixtures/store/failing-ports.ts";
import { fetch, here, mirror, useMirror } from "../../tests/fixtures/store/fetching.ts";
import { startMirror } from "../../tests/fixtures/store/mirror.ts";
import { at, fetchFrom, leftovers, opened, place, QUIET, sha256, treeOf } from "../../tests/fixtures/store/place.ts";
import { archive, name, noise, ports, target } from "../../tests/fixtures/store/sample.ts";
import { release, tgz } from "../../tests/fixtures/store/tar.ts";
import { fetchRelease } from "./fetch.ts";
import { LATER } from "./retry.ts";
import type { Archive, FetchProgress } from "./types.ts";

useMirror();

describe("a fetch", () => {
  test("publishes the release, and people see it", async () => {
    const outcome = await fetch();
    expect(outcome).toMatchObject({ kind: "published", name, fetched: archive.length });
    await expectWhole();
    expect(readFileSync(join(here.path, ".installed_version"), "utf8")).toBe("7.14.3");
    expect(readlinkSync(join(here.path, "bin"))).toBe(`releases/${name}/bin`);
    expect(statSync(join(here.path, "releases", name)).mode & 0o777).toBe(0o555);
    const manifest = readFileSync(join(here.path, "releases", name, "manifest.json"));
    expect(outcome).toMatchObject({ manifestSha256: sha256(manifest) });
  });

  test("of what is published already fetches nothing and changes nothing", async () => {
    await fetch();
    const before = treeOf(here.path);
    mirror.requests.length = 0;
    expect(await fetch()).toMatchObject({ kind: "published", name, fetched: 0 });
    expect(mirror.requests).toEqual([]);
    expect(treeOf(here.path)).toEqual(before);
  });

  test("clears away what an earlier one has left, and nothing that its unit is writing just now", async () => {
    await (await opened(here.path)).close();
    const mine = (uuid: string) => join(here.path, "staging", `m1-app-0.00000000-0000-4000-8000-00000000000${uuid}`);
    mkdirSync(join(mine("1"), "bin"), { recursive: true });
    writeFileSync(mine("2"), "a lease");
    await fetch();
    expect(leftovers(here.path)).toEqual([mine("2").slice(here.path.length + 1)]);
  });

  test("gives the same manifest in another store", async () => {
    const first = await fetch();
    const other = place();
    expect(await fetchFrom(other.path, mirror.url, target, {}, ports, "other-app-7")).toEqual(first);
    await other[Symbol.asyncDispose]();
  });

  test("takes an archive from a file", async () => {
    const store = await opened(here.path);
    const path = join(here.directory, "resource.tgz");
    writeFileSync(path, archive);
    expect(await fetchRelease(ports, store, target, async () => [{ kind: "file", path }], QUIET)).toMatchObject({
      kind: "published",
      fetched: 0,
    });
    await store.close();
    await expectWhole();
  });

  test("puts a damaged release right by a copy beside it", async () => {
    await fetch();
    const damaged = join(here.path, "releases", name, "bin", "noise");
    truncateSync(damaged, 10);
    expect(await fetch()).toMatchObject({ name: `${name}.2` });
    expect(statSync(damaged).size).toBe(10);
    await expectWhole();
  });

  test("never gives it the name of one that was damaged, also once that is gone", async () => {
    expect(await fetch({ damaged: [name] })).toMatchObject({ name: `${name}.2` });
  });

  test("takes none that is there for good before all of it was read, as long as nobody has agreed on it", async () => {
    await fetch();
    writeFileSync(join(here.path, "releases", name, "bin", "noise"), Buffer.alloc(noise.length));
    expect(await fetch()).toMatchObject({ name: `${name}.2` });
    await expectWhole();
  });

  test("does so too for one whose contents a deep check has found damaged", async () => {
    await fetch();
    writeFileSync(join(here.path, "releases", name, "bin", "noise"), Buffer.alloc(noise.length));
    expect(await fetch({ damaged: [name] })).toMatchObject({ name: `${name}.2` });
    await expectWhole();
  });

  describe("from several places", () => {
    const away: Archive = { ...at("http://127.0.0.1:1") };
    const from = async (archives: readonly Archive[], options = {}) => {
      const store = await opened(here.path);
      try {
        return await fetchRelease(ports, store, target, async () => archives, { ...QUIET, ...options });
      } finally {
        await store.close();
      }
    };

    test("takes the next one when a mirror is down", async () => {
      expect(await from([away, at(mirror.url)])).toMatchObject({ fetched: archive.length });
      await expectWhole();
    });

    test("takes the next one when a mirror refuses, has another archive, or goes away in the middle", async () => {
      const other = await startMirror(tgz(release("two")));
      mirror.behaviour.statuses = [404];
      expect((await refusalOf(from([at(mirror.url)]))).retryMs).toBe(LATER);
      expect(await from([at(other.url), at(mirror.url)])).toMatchObject({ kind: "published" });
      await expectWhole();
      here.clear();
      Object.assign(other.behaviour, { body: archive, cuts: [300_000, 0, 0, 0] });
      mirror.sent = 0;
      await from([at(other.url), at(mirror.url)]);
      await expectWhole();
      expect(mirror.sent).toBe(archive.length - 300_000);
      await other.close();
    });

    test("tells the first one's problem when all fail, and knows every bad archive again", async () => {
      mirror.behaviour.body = tgz(release("two"));
      const { problem, bad, retryMs } = await refusalOf(from([away, at(mirror.url)]));
      expect(problem.code).toBe("server-down");
      expect(bad).toMatchObject([{ url: `${mirror.url}/archive.tgz`, problem: { code: "digest-mismatch" } }]);
      expect(retryMs).toBeNull();
      const { sent } = mirror;
      await refusalOf(from([away, at(mirror.url)], { bad }));
      expect(mirror.sent).toBe(sent);
    });

    test("does not go on to the next one when the store is at fault", async () => {
      const full = withStore((method) => (method === "space" ? async () => ({ total: 1e9, free: 0 }) : null));
      const store = await opened(here.path, undefined, full);
      const archives = [at(mirror.url), at(mirror.url)];
      const { problem } = await problemOf(fetchRelease(full, store, target, async () => archives, QUIET));
      expect(problem.code).toBe("no-space");
      expect(mirror.requests).toHaveLength(1);
      await store.close();
    });
  });

  test("that is sent away for long is given up, and knows until when", async () => {
    mirror.pages.set("/archive.tgz", { status: 503, text: "", headers: { "retry-after": "90" } });
    expect(await refusalOf(fetch())).toMatchObject({ problem: { code: "server-error" }, retryMs: 90_000 });
    expect(mirror.requests).toHaveLength(1);
  });

  test("is left to whoever has the lock", async () => {
    const store = await opened(here.path, "m1-app-9");
    mirror.behaviour.pauseAt = 0;
    const busy = fetchRelease(ports, store, target, async () => [at(mirror.url)], QUIET);
    await expect.poll(() => mirror.requests.length).toBe(1);
    expect(await fetch()).toEqual({ kind: "held", holder: "m1-app-9" });
    mirror.resume();
    await busy;
    await store.close();
  });

  test("ends at once when it is told to, and goes on from there", async () => {
    const stop = new AbortController();
    mirror.behaviour.pauseAt = archive.length / 2;
    const reports: FetchProgress[] = [];
    const stopped = fetch({ signal: stop.signal, report: (progress: FetchProgress) => void reports.push(progress) });
    await expect.poll(kept).toBeGreaterThan(archive.length / 3);
    stop.abort(new Error("enough"));
    await expect(stopped).rejects.toThrow("enough");
    expect(leftovers(here.path)).toHaveLength(2);
    mirror.resume();
    await fetch();
    await expectWhole();
    expect(mirror.sent).toBeLessThan(archive.length * 1.1);
    expect(reports[0]).toMatchObject({ step: "downloading", bytes: 0 });
  });
});
