import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { get as httpGet } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sourceOf } from "./files.ts";
import { startMirror, type Mirror, type MirrorRequest } from "./mirror.ts";
import { requestedSpan } from "./range.ts";

const NAME = "concourse-7.14.3-linux-amd64.tgz";
const SIZE = 3_000_000;

let directory: string;
let content: Buffer;
let mirror: Mirror;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mirror-"));
  content = randomBytes(SIZE);
  await writeFile(join(directory, NAME), content);
  mirror = await startMirror({
    address: "127.0.0.1",
    port: 0,
    releases: directory,
    log: join(directory, "requests.jsonl"),
  });
});

afterEach(async () => {
  await mirror.close();
  await rm(directory, { recursive: true, force: true });
});

const get = (name: string, headers: Record<string, string> = {}) =>
  fetch(`${mirror.url}/${name}`, { headers: { connection: "close", ...headers } });

const body = async (response: Response) => Buffer.from(await response.arrayBuffer());

/** What arrived of a body that may break off; node:http, because fetch drops what it has not handed on by then. */
function arrived(range?: string): Promise<{ length: string | undefined; bytes: number; broken: boolean }> {
  return new Promise((resolve, reject) => {
    const request = httpGet(`${mirror.url}/${NAME}`, { agent: false, headers: range === undefined ? {} : { range } });
    request.on("error", reject).on("response", (response) => {
      let bytes = 0;
      const end = (broken: boolean) => resolve({ length: response.headers["content-length"], bytes, broken });
      response.on("data", (piece: Buffer) => (bytes += piece.length));
      response.on("end", () => end(false)).on("error", () => end(true));
    });
  });
}

async function logged(count: number): Promise<readonly MirrorRequest[]> {
  await vi.waitFor(() => expect(mirror.requests()).toHaveLength(count), { timeout: 10_000 });
  return mirror.requests();
}

describe("a healthy mirror", () => {
  test("serves archive, digest and newest version", async () => {
    await writeFile(join(directory, "concourse-7.9.0-linux-amd64.tgz"), "old");
    await writeFile(join(directory, "concourse-8.0.0-rc.1-linux-amd64.tgz"), "candidate");
    const response = await get(NAME);
    expect(response.headers.get("content-length")).toBe(String(SIZE));
    expect((await body(response)).equals(content)).toBe(true);
    const digest = createHash("sha256").update(content).digest("hex");
    expect(await (await get(`${NAME}.sha256`)).text()).toBe(`${digest}  ${NAME}\n`);
    expect(await (await get("latest.json")).json()).toEqual({ version: "7.14.3" });
    expect((await get("concourse-9.9.9-linux-amd64.tgz")).status).toBe(404);
    expect((await get("..%2f..%2fetc%2fpasswd")).status).toBe(404);
  });

  test("takes a directory, or an archive by upstream's name, and nothing else", async () => {
    const archive = join(directory, NAME);
    await writeFile(join(directory, "notes.txt"), "");
    expect(await sourceOf(directory)).toBe(directory);
    expect(await sourceOf(archive)).toEqual([archive]);
    expect(await sourceOf(join(directory, "notes.txt"))).toBe(null);
    expect(await sourceOf(join(directory, "missing"))).toBe(null);
  });

  test("has no more of an archive that was removed", async () => {
    const one = await startMirror({ address: "127.0.0.1", port: 0, releases: [join(directory, NAME)] });
    await rm(join(directory, NAME));
    expect((await fetch(`${one.url}/${NAME}`)).status).toBe(404);
    await one.close();
  });

  test("takes the digest beside the archive where there is one", async () => {
    await writeFile(join(directory, `${NAME}.sha256`), `${"ab".repeat(32)}  ${NAME}\n`);
    expect(await (await get(`${NAME}.sha256`)).text()).toMatch(/^(ab){32} /);
  });

  test("resumes: Range, If-Range, 416, HEAD", async () => {
    const whole = await fetch(`${mirror.url}/${NAME}`, { method: "HEAD" });
    const etag = whole.headers.get("etag") ?? "";
    expect([whole.status, whole.headers.get("content-length")]).toEqual([200, String(SIZE)]);

    const rest = await get(NAME, { range: "bytes=1000000-", "if-range": etag });
    expect(rest.status).toBe(206);
    expect(rest.headers.get("content-range")).toBe(`bytes 1000000-${SIZE - 1}/${SIZE}`);
    expect((await body(rest)).equals(content.subarray(1_000_000))).toBe(true);

    const changed = await get(NAME, { range: "bytes=1000000-", "if-range": '"another"' });
    expect([changed.status, (await body(changed)).length]).toEqual([200, SIZE]);

    const dated = await get(NAME, {
      range: "bytes=-5",
      "if-range": whole.headers.get("last-modified") ?? "",
    });
    expect([dated.status, (await body(dated)).length]).toEqual([206, 5]);

    const beyond = await get(NAME, { range: `bytes=${SIZE}-` });
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, `bytes */${SIZE}`]);
  });

  test("logs what it sent, also to a file", async () => {
    const before = Date.now();
    await body(await get(NAME, { range: "bytes=10-19" }));
    const [entry] = await logged(1);
    expect(entry).toMatchObject({
      method: "GET",
      path: `/${NAME}`,
      range: "bytes=10-19",
      status: 206,
      bytes: 10,
      remote: "127.0.0.1",
      aborted: false,
    });
    expect(entry?.start).toBeGreaterThanOrEqual(before);
    expect(entry?.end).toBeGreaterThanOrEqual(entry?.start ?? Infinity);
    await mirror.close();
    const lines = (await readFile(join(directory, "requests.jsonl"), "utf8")).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([entry]);
  });

  test("counts a client that goes away as aborted, with what it had been sent", async () => {
    mirror.throttle(1_000_000);
    const leaving = new AbortController();
    const response = await fetch(`${mirror.url}/${NAME}`, { signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
    const [entry] = await logged(1);
    expect(entry?.aborted).toBe(true);
    expect(entry?.bytes).toBeLessThan(SIZE);
    expect((await mirror.status()).active).toBe(0);
  });

  test("shares the throttle among clients, and lets go of it at once", async () => {
    mirror.throttle(2_000_000);
    const start = performance.now();
    const parts = [get(NAME, { range: "bytes=0-299999" }), get(NAME, { range: "bytes=0-299999" })];
    await Promise.all(parts.map(async (part) => body(await part)));
    // 600 kB at 2 MB/s: never faster, however slow the machine is.
    expect(performance.now() - start).toBeGreaterThan(250);
    mirror.throttle(1);
    const rest = get(NAME).then(body);
    mirror.throttle(null);
    expect((await rest).equals(content)).toBe(true);
  });
});

describe("a failing mirror", () => {
  test("down: refuses connections, comes back at the same address", async () => {
    const { url } = mirror;
    await mirror.setFaults({ down: true });
    await expect(get(NAME)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
    await mirror.clearFaults();
    expect(mirror.url).toBe(url);
    expect((await get("latest.json")).status).toBe(200);
  });

  test("stall: the answer begins, nothing comes, until it ends", async () => {
    await mirror.setFaults({ stall: true });
    const response = await get(NAME);
    expect(response.status).toBe(200);
    expect(mirror.requests()).toHaveLength(0);
    await mirror.setFaults({ stall: false });
    expect((await body(response)).equals(content)).toBe(true);
  });

  test("stall: a client that gives up is noticed", async () => {
    await mirror.setFaults({ stall: true });
    const leaving = new AbortController();
    await fetch(`${mirror.url}/${NAME}`, { signal: leaving.signal });
    leaving.abort();
    expect((await logged(1))[0]).toMatchObject({ aborted: true, bytes: 0 });
  });

  test("cut once: the first answer breaks, the resumed one completes", async () => {
    await mirror.setFaults({ cut: { afterBytes: 700_000, times: "once" } });
    const first = await arrived();
    expect([first.bytes, first.broken]).toEqual([700_000, true]);
    const rest = await arrived("bytes=700000-");
    expect([rest.bytes, rest.broken]).toEqual([SIZE - 700_000, false]);
  });

  test("cut always: every answer breaks", async () => {
    await mirror.setFaults({ cut: { afterBytes: 100, times: "always" } });
    for (const _ of [1, 2, 3]) expect((await arrived()).broken).toBe(true);
    expect(await logged(3)).toEqual(
      Array.from({ length: 3 }, () => expect.objectContaining({ aborted: true, bytes: 100 })),
    );
  });

  test.each([404, 408, 429, 500, 503])("status %i for everything", async (code) => {
    await mirror.setFaults({ status: { code, retryAfter: 7 } });
    for (const name of [NAME, `${NAME}.sha256`, "latest.json"]) {
      const response = await get(name);
      expect([response.status, response.headers.get("retry-after")]).toEqual([code, "7"]);
    }
  });

  test("a web page in place of the archive", async () => {
    await mirror.setFaults({ html: true });
    const response = await get(NAME);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/html"]);
    expect(await response.text()).toContain("<html>");
  });

  test("truncated with the right length looks complete", async () => {
    await mirror.setFaults({ truncated: { bytes: 1000, length: "right" } });
    expect(await arrived()).toEqual({ length: String(SIZE - 1000), bytes: SIZE - 1000, broken: false });
  });

  test("truncated with the wrong length breaks at the end", async () => {
    await mirror.setFaults({ truncated: { bytes: 1000, length: "wrong" } });
    expect(await arrived()).toEqual({ length: String(SIZE), bytes: SIZE - 1000, broken: true });
  });

  test("one flipped byte, wherever the range begins", async () => {
    await mirror.setFaults({ flippedByte: 1_234_567 });
    const expected = Buffer.from(content);
    expected[1_234_567] = (expected[1_234_567] ?? 0) ^ 0xff;
    expect((await body(await get(NAME))).equals(expected)).toBe(true);
    const part = await body(await get(NAME, { range: "bytes=1234000-1235000" }));
    expect(part.equals(expected.subarray(1_234_000, 1_235_001))).toBe(true);
  });

  test.each([
    ["wrong", 200, /^0{64} {2}concourse/],
    ["malformed", 200, /^no digest/],
    ["missing", 404, /not found/],
  ] as const)("digest %s", async (digest, status, text) => {
    await mirror.setFaults({ digest });
    const response = await get(`${NAME}.sha256`);
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(text);
    expect((await mirror.status()).faults.digest).toBe(digest);
  });
});

test("a satisfiable range lies within the file, whatever is asked", () => {
  const file = { name: "", path: "", size: 1000, modified: new Date(0), etag: '"a"' };
  fc.assert(
    fc.property(fc.option(fc.nat(2000)), fc.option(fc.nat(2000)), (first, last) => {
      const span = requestedSpan(`bytes=${first ?? ""}-${last ?? ""}`, undefined, file);
      if (span === null || span === "unsatisfiable") return;
      expect(span.from).toBeGreaterThanOrEqual(0);
      expect(span.to).toBeLessThanOrEqual(1000);
      expect(span.from).toBeLessThan(span.to);
      if (first !== null) expect(span.from).toBe(first);
    }),
  );
});
