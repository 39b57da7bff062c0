import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ARCHIVE, type Mirror, startMirror } from "../../tests/fixtures/store/mirror.ts";
import {
  at,
  fetchFrom,
  leftovers,
  opened,
  type Place,
  place,
  QUIET,
  sha256,
  targetOf,
  treeOf,
} from "../../tests/fixtures/store/place.ts";
import { release, tgz } from "../../tests/fixtures/store/tar.ts";
import { hostPorts } from "../host/ports.ts";
import type { Ports } from "../ports.ts";
import { SourceError, StoreError } from "./errors.ts";
import { fetchRelease } from "./fetch.ts";
import { verifyRelease } from "./inspect.ts";
import { findRelease } from "./release.ts";
import { LATER } from "./retry.ts";
import type { Archive, BadArchive, FetchProgress, Target } from "./types.ts";

/** Real waits would only make the tests slow: every sleep ends at once. */
const ports: Ports = { ...hostPorts, clock: { ...hostPorts.clock, sleep: async () => undefined } };

/** Incompressible, so that it is about as long on the wire as on disk. */
const noise = Buffer.concat(Array.from({ length: 40_000 }, (_, index) => Buffer.from(sha256(String(index)), "hex")));
const archive = tgz([...release(), { path: "concourse/bin/noise", mode: 0o755, content: noise }]);
const target = targetOf(archive);
const name = `7.14.3-linux-amd64-${target.sha256.slice(0, 12)}`;

let mirror: Mirror;
let here: Place;
beforeEach(async () => {
  mirror = await startMirror(archive);
  here = place();
});
afterEach(async () => {
  await mirror.close();
  await here[Symbol.asyncDispose]();
});

const fetch = (options = {}, wanted = target, with_ = ports) =>
  fetchFrom(here.path, mirror.url, wanted, options, with_);

async function problemOf(promise: Promise<unknown>): Promise<StoreError> {
  const error = await promise.then(
    (value) => new Error(`no error but ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  if (!(error instanceof StoreError)) {
    throw error;
  }
  expect(error.problem.message.length).toBeLessThanOrEqual(120);
  return error;
}

async function refusalOf(promise: Promise<unknown>): Promise<SourceError> {
  const error = await problemOf(promise);
  if (!(error instanceof SourceError)) {
    throw error;
  }
  return error;
}

/** Nothing may be published, and nothing be left. */
function expectNothing(): void {
  expect(readdirSync(join(here.path, "releases"))).toEqual([]);
  expect(leftovers(here.path)).toEqual([]);
}

async function expectWhole(wanted: Target = target, where = here, clean = true): Promise<void> {
  const store = await opened(where.path);
  const found = await findRelease(hostPorts, store, wanted);
  expect(found).not.toBeNull();
  expect(found && (await verifyRelease(hostPorts, store, found, "all"))).toBeNull();
  await store.close();
  expect(clean ? leftovers(where.path) : []).toEqual([]);
}

/** Bytes of the longest partial download. */
function kept(): number {
  const partials = join(here.path, "partial");
  const names = readdirSync(here.path).includes("partial")
    ? readdirSync(partials).filter((file) => file.startsWith(target.sha256))
    : [];
  return Math.max(0, ...names.map((file) => statSync(join(partials, file)).size));
}

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
    mirror = await startMirror(archive);
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

  test("a store without room for it", async () => {
    const full = withStore((method) =>
      method === "space" ? async () => ({ total: 1e9, free: archive.length }) : null,
    );
    expect((await problemOf(fetch({}, target, full))).problem).toMatchObject({ code: "no-space", blocked: false });
    expectNothing();
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

/** The real ports with some methods of directories and files replaced. */
function withStore(
  replace: (method: string, error: () => Error) => ((...args: never[]) => Promise<unknown>) | null,
): Ports {
  const wrap = <Handle extends object>(handle: Handle): Handle =>
    new Proxy(handle, {
      get(real, key) {
        const value: unknown = Reflect.get(real, key, real);
        if (typeof value !== "function") {
          return value;
        }
        return (...args: unknown[]) => {
          const planted = replace(String(key), () => Object.assign(new Error("planted"), { code: "ENOSPC" }));
          if (planted !== null) {
            return planted();
          }
          const given = args.map((argument) => unwrap.get(argument as object) ?? argument);
          const result: unknown = Reflect.apply(value, real, given);
          return result instanceof Promise
            ? result.then((inner: unknown) => (isHandle(inner) ? remember(wrap(inner), inner) : inner))
            : result;
        };
      },
    });
  const unwrap = new WeakMap<object, object>();
  const remember = (wrapped: object, real: object) => {
    unwrap.set(wrapped, real);
    return wrapped;
  };
  const isHandle = (value: unknown): value is object =>
    typeof value === "object" && value !== null && "close" in value && "sync" in value;
  const lock: Ports["lock"] = {
    take: async (directory, file) =>
      hostPorts.lock.take((unwrap.get(directory) ?? directory) as typeof directory, file),
  };
  return { ...ports, fs: wrap(ports.fs), lock };
}

test("a failure of any call is named, leaves nothing half-published, and passes", { timeout: 180_000 }, async () => {
  const codes = ["ENOSPC", "EROFS", "EIO", "ESTALE", "EDQUOT", "EMFILE", "ETXTBSY"];
  const small = tgz(release());
  const wanted = targetOf(small);
  mirror.behaviour.body = small;
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
    await fetchFrom(memory.path, mirror.url, wanted, {}, ports);
    await expectWhole(wanted, memory);
    expect(failing).toBeLessThan(1000);
    expect(planted || failing > 60).toBe(true);
  }
});

describe("processes", () => {
  const program = fileURLToPath(new URL("../../tests/fixtures/store/fetcher.ts", import.meta.url));
  const start = (member: string, locks: "real" | "always") =>
    spawn(process.execPath, [program, here.path, mirror.url, JSON.stringify(target), member, locks], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  const outcomeOf = async (child: ChildProcess) =>
    JSON.parse(await text(child.stdout as NodeJS.ReadableStream)) as Record<string, unknown>;

  test("killed in the middle are succeeded by another unit, which fetches the rest alone", async () => {
    for (const [index, share] of [0.2, 0.4, 0.6, 0.8].entries()) {
      mirror.behaviour.pauseAt = Math.round(archive.length * 0.2);
      const child = start(`m1-app-${index}`, "real");
      await expect.poll(() => kept(), { timeout: 20_000 }).toBeGreaterThan(archive.length * (share - 0.02));
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    mirror.behaviour.pauseAt = null;
    expect(await fetchFrom(here.path, mirror.url, target, {}, ports, "m1-app-4")).toMatchObject({
      kind: "published",
      name,
    });
    expect(mirror.sent).toBeLessThan(archive.length * 1.1);
    // The dead ones' staging directories are theirs to remove when they come back; the download has gone.
    expect(leftovers(here.path).filter((entry) => entry.startsWith("partial/"))).toEqual([]);
  });

  test("eight at once without a lock: one whole release, no error, nothing left", async () => {
    await (await opened(here.path)).close();
    const children = Array.from({ length: 8 }, (_, index) => start(`m1-app-${index}`, "always"));
    const outcomes = await Promise.all(children.map(outcomeOf));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ kind: "published", name });
    }
    expect(readdirSync(join(here.path, "releases"))).toEqual([name]);
    await expectWhole();
  });

  test("eight at once with the lock: one download", async () => {
    await (await opened(here.path)).close();
    const children = Array.from({ length: 8 }, (_, index) => start(`m1-app-${index}`, "real"));
    const outcomes = await Promise.all(children.map(outcomeOf));
    expect(outcomes.filter(({ kind }) => kind === "published").length).toBeGreaterThanOrEqual(1);
    expect(outcomes.every(({ kind }) => kind === "published" || kind === "held")).toBe(true);
    expect(mirror.requests.filter(({ path }) => path === ARCHIVE)).toHaveLength(1);
    await expectWhole();
  });
});

test("a lock file that is replaced under its holder is noticed before anything is published", async () => {
  mirror.behaviour.pauseAt = archive.length / 2;
  const busy = problemOf(fetch());
  await expect.poll(() => mirror.requests.length).toBe(1);
  writeFileSync(join(here.path, "other"), "");
  renameSync(join(here.path, "other"), join(here.path, ".install.lock"));
  mirror.resume();
  expect((await busy).problem.code).toBe("lock-lost");
  expect(readdirSync(join(here.path, "releases"))).toEqual([]);
  await fetch();
  await expectWhole();
  mkdirSync(join(here.directory, "done"));
});
