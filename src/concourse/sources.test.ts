import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Mirror, startMirror } from "../../tests/fixtures/store/mirror.ts";
import { type Place, place, sha256 } from "../../tests/fixtures/store/place.ts";
import type { SourceOrders, Target } from "../agent/contract.ts";
import { hostPorts } from "../host/ports.ts";
import type { ExecResult } from "../ports.ts";
import { StoreError } from "../store/errors.ts";
import { LATER } from "../store/retry.ts";
import { KNOWN_DIGESTS } from "./digests.ts";
import { archiveName } from "./archives.ts";
import type { GitHub } from "./github.ts";
import { jujuResource, locate, resolve } from "./sources.ts";

const DIGEST = sha256("the archive");
const FILE = "/concourse-7.14.3-linux-amd64.tgz";

let server: Mirror;
let here: Place;
let github: GitHub;
beforeEach(async () => {
  server = await startMirror(Buffer.alloc(0));
  here = place();
  github = { api: `${server.url}/api`, files: `${server.url}/files` };
});
afterEach(async () => {
  await server.close();
  await here[Symbol.asyncDispose]();
});

const page = (path: string, text: string, status = 200, headers = {}) =>
  server.pages.set(path, { status, text, headers });
const orders = (changes: Partial<SourceOrders> = {}): SourceOrders => ({
  resource: false,
  mirrors: [],
  digest: null,
  known: {},
  githubToken: null,
  httpProxy: null,
  httpsProxy: null,
  noProxy: null,
  ...changes,
});
const mirror = (changes: Partial<SourceOrders> = {}) => orders({ mirrors: [server.url], ...changes });
const ask = (given: SourceOrders, version = "7.14.3", resource = async (): Promise<string | null> => null) =>
  resolve(hostPorts, given, { version, arch: "amd64" }, resource, github);

const TARGET: Target = { version: "7.14.3", arch: "amd64", sha256: DIGEST, manifestSha256: null };

async function urls(given: SourceOrders): Promise<string[]> {
  const archives = await locate(given, TARGET, async () => null, github);
  return archives.flatMap((archive) => (archive.kind === "http" ? [archive.url] : []));
}

async function problem(promise: Promise<unknown>): Promise<{ code: string; message: string; blocked: boolean }> {
  const error: unknown = await promise.then(
    () => new Error("no error"),
    (error: unknown) => error,
  );
  if (!(error instanceof StoreError)) throw error;
  expect(error.problem.message.length).toBeLessThanOrEqual(110);
  return error.problem;
}

describe("a mirror", () => {
  test.each([DIGEST, `${DIGEST}\n`, `${DIGEST}  concourse-7.14.3-linux-amd64.tgz\n`, DIGEST.toUpperCase()])(
    "gives the digest beside the archive: %s",
    async (text) => {
      page(`${FILE}.sha256`, text);
      expect(await ask(mirror())).toEqual(TARGET);
      expect(await urls(mirror())).toEqual([`${server.url}${FILE}`]);
      expect(server.requests.map(({ path }) => path)).toEqual([`${FILE}.sha256`]);
    },
  );

  test("tells its newest version", async () => {
    page("/latest.json", '{"version": "7.14.3"}');
    page(`${FILE}.sha256`, DIGEST);
    expect((await ask(mirror(), "")).version).toBe("7.14.3");
  });

  test.each([
    ["", 404],
    ["<html>", 200],
    ['{"version": "../../etc"}', 200],
    ['{"version": 7}', 200],
  ])("without a newest version (%j, %i) needs one to be named", async (text, status) => {
    page("/latest.json", text, status);
    expect(await problem(ask(mirror(), ""))).toMatchObject({ code: "no-version", blocked: true });
  });

  test.each([
    ["", 404],
    ["da39a3ee5e6b4b0d3255bfef95601890afd80709  sha-1", 200],
    ["<html>no</html>", 200],
  ])("without a SHA-256 (%j, %i) is refused", async (text, status) => {
    page(`${FILE}.sha256`, text, status);
    page(FILE, "archive");
    const found = await problem(ask(mirror()));
    expect(found).toMatchObject({ code: "no-digest", blocked: true });
    expect(found.message).toContain("release-digest");
  });

  test("without the archive has no such version", async () => {
    expect(await problem(ask(mirror()))).toMatchObject({ code: "unknown-version", blocked: true });
  });

  test("is not asked for a digest that the operator has given", async () => {
    expect((await ask(mirror({ digest: DIGEST }))).sha256).toBe(DIGEST);
    expect(server.requests).toEqual([]);
  });

  test("that fails may work again", async () => {
    server.behaviour.statuses = [503];
    expect(await problem(ask(mirror()))).toMatchObject({ code: "server-error", blocked: false });
    const url = server.url;
    await server.close();
    expect(await problem(ask(mirror({ mirrors: [url] })))).toMatchObject({ code: "server-down", blocked: false });
    server = await startMirror(Buffer.alloc(0));
  });
});

describe("several mirrors", () => {
  const both = () => orders({ mirrors: ["http://127.0.0.1:1", server.url] });

  test("are asked one after the other, for the digest and for the archive", async () => {
    page(`${FILE}.sha256`, DIGEST);
    expect(await ask(both())).toEqual(TARGET);
    expect(await urls(both())).toEqual([`http://127.0.0.1:1${FILE}`, `${server.url}${FILE}`]);
  });

  test("come behind a resource that is not the right one", async () => {
    const version = async () => ask({ ...both(), resource: true }, "", async () => join(here.path, "gone"));
    page("/latest.json", '{"version": "7.14.3"}');
    page(`${FILE}.sha256`, DIGEST);
    expect(await version()).toEqual(TARGET);
  });

  test("that all fail are told by the first, and asked again as soon as one of them may know", async () => {
    const error: unknown = await ask(both()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ problem: { code: "server-down" }, retryMs: null });
    const missing: unknown = await ask(orders({ mirrors: [server.url, server.url] })).catch(
      (thrown: unknown) => thrown,
    );
    expect(missing).toMatchObject({ problem: { code: "unknown-version" }, retryMs: LATER });
  });
});

test.each([
  ["a mirror that sends us away", 503, { "retry-after": "120" }, 120_000],
  ["a mirror that is busy", 503, {}, null],
  ["a mirror that has no such version", 404, {}, LATER],
  ["a mirror behind a proxy that wants a login", 407, {}, LATER],
])("%s (%i %j) is asked again after %s ms", async (_, status, headers, retryMs) => {
  page(`${FILE}.sha256`, "", status, headers);
  await expect(ask(mirror())).rejects.toMatchObject({ retryMs });
});

test.each([
  [404, {}, LATER],
  [502, {}, 90_000],
  [429, { "retry-after": "300" }, 300_000],
  [403, { "x-ratelimit-reset": "4000000000" }, LATER],
  [403, { "x-ratelimit-reset": "1" }, 90_000],
])("GitHub that answers %i %j is asked again after %i ms", async (status, headers, retryMs) => {
  page("/api/repos/concourse/concourse/releases/tags/v7.14.3", "", status, headers);
  await expect(ask(orders())).rejects.toMatchObject({ retryMs });
});

describe("GitHub", () => {
  const release = (changes: object = {}) =>
    JSON.stringify({ tag_name: "v7.14.3", assets: [{ name: FILE.slice(1), digest: `sha256:${DIGEST}`, ...changes }] });
  const tag = "/api/repos/concourse/concourse/releases/tags/v7.14.3";

  test("is not asked for a digest that the charm brings", async () => {
    const { sha256 } = await ask(orders({ known: KNOWN_DIGESTS }));
    expect(sha256).toBe("aeb51fb15012bea28feb1bfa19bb28569f41d944fb7c064d9b49d95846db6fa4");
    expect(await urls(orders())).toEqual([`${server.url}/files/concourse/concourse/releases/download/v7.14.3${FILE}`]);
    expect(server.requests).toEqual([]);
  });

  test("gives the asset's digest, and is shown the token", async () => {
    page(tag, release());
    expect((await ask(orders({ githubToken: "t0ken" }))).sha256).toBe(DIGEST);
    expect(server.requests[0]?.headers.authorization).toBe("Bearer t0ken");
  });

  test("tells the newest version", async () => {
    page("/api/repos/concourse/concourse/releases/latest", release());
    expect(await ask(orders(), "")).toMatchObject({ version: "7.14.3", sha256: DIGEST });
  });

  test.each([
    [404, "", {}, "unknown-version", true],
    [401, "", {}, "not-allowed", true],
    [403, "", { "x-ratelimit-reset": "1795000000" }, "rate-limit", false],
    [429, "", {}, "rate-limit", false],
    [502, "", {}, "server-error", false],
    [200, "{}", {}, "unknown-version", true],
    [200, release({ digest: null }), {}, "no-digest", true],
    [200, release({ digest: "sha1:1234" }), {}, "no-digest", true],
    [200, release({ name: "concourse-7.14.3-linux-arm64.tgz" }), {}, "unknown-version", true],
  ])("answering %i %s %j means %s", async (status, text, headers, code, blocked) => {
    page(tag, text, status, headers);
    expect(await problem(ask(orders()))).toMatchObject({ code, blocked });
  });

  test("is never asked where a mirror is set", async () => {
    page(tag, release());
    await problem(ask(mirror()));
    expect(server.requests.some(({ path }) => path.startsWith("/api"))).toBe(false);
  });
});

describe("the charm's resource", () => {
  const file = (bytes: string) => {
    mkdirSync(here.path, { recursive: true });
    writeFileSync(join(here.path, "release.tgz"), bytes);
    return join(here.path, "release.tgz");
  };

  test("comes before everything else, and is its own digest", async () => {
    const path = file("the archive");
    const given = mirror({ resource: true });
    expect(await ask(given, "7.14.3", async () => path)).toEqual(TARGET);
    expect(await locate(given, TARGET, async () => path)).toMatchObject([
      { kind: "file", path },
      { kind: "http", url: `${server.url}${FILE}` },
    ]);
    expect(await locate(orders({ resource: true }), TARGET, async () => path)).toEqual([{ kind: "file", path }]);
    expect(server.requests).toEqual([]);
  });

  test("has to be what the operator demands, and of a version that is named", async () => {
    const path = file("the archive");
    const resource = async () => path;
    expect(await problem(ask(orders({ resource: true, digest: sha256("other") }), "7.14.3", resource))).toMatchObject({
      code: "digest-mismatch",
    });
    expect(await problem(ask(orders({ resource: true }), "", resource))).toMatchObject({ code: "no-version" });
    expect(await problem(ask(orders({ resource: true }), "7.14.3", async () => join(here.path, "gone")))).toMatchObject(
      { code: "no-resource" },
    );
  });

  test("is asked for by juju-exec; 0 bytes are none", async () => {
    const answers: ExecResult[] = [];
    const asked: (readonly string[])[] = [];
    const exec = {
      run: async (argv: readonly string[]) => (
        asked.push(argv),
        answers.shift() ?? { code: 1, signal: null, stdout: "", stderr: "ERROR gone" }
      ),
    };
    const resource = jujuResource({ ...hostPorts, exec }, "ci/0");
    answers.push({ code: 0, signal: null, stdout: `${file("x")}\n`, stderr: "" });
    expect(await resource()).toBe(join(here.path, "release.tgz"));
    file("");
    answers.push({ code: 0, signal: null, stdout: `${join(here.path, "release.tgz")}\n`, stderr: "" });
    expect(await resource()).toBeNull();
    expect(asked[0]).toEqual(["juju-exec", "-u", "ci/0", "resource-get concourse-release"]);
    expect((await problem(resource())).message).toContain("ERROR gone");
  });
});

test.each(["v7.14.3", "7.14", "7.14.3/../..", "latest", "7.14.3 ", "07.14.3"])("%j is no version", async (version) => {
  expect(await problem(ask(mirror(), version))).toMatchObject({ code: "bad-version", blocked: true });
});

test("only a SHA-256 is a digest", async () => {
  expect(await problem(ask(mirror({ digest: "da39a3ee5e6b4b0d3255bfef95601890afd80709" })))).toMatchObject({
    code: "bad-digest",
    blocked: true,
  });
});

test("archives are named as upstream names them, and the table holds digests of such names", () => {
  expect(archiveName({ version: "8.3.0", arch: "arm64" })).toBe("concourse-8.3.0-linux-arm64.tgz");
  const entries = Object.entries(KNOWN_DIGESTS);
  expect(entries.length).toBeGreaterThan(10);
  for (const [key, digest] of entries) {
    expect(key).toMatch(/^\d+\.\d+\.\d+-amd64$/);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
  }
});
