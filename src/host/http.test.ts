import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { hostHttp } from "./http.ts";
import { proxyFor } from "./proxy.ts";

let servers: Server[] = [];
afterEach(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
  servers = [];
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

test("redirects are followed, and credentials stay at their origin", async () => {
  const seen: IncomingMessage["headers"][] = [];
  const other = await serve((request, response) => {
    seen.push(request.headers);
    response.end("there");
  });
  const first = await serve((request, response) => {
    seen.push(request.headers);
    response.writeHead(302, { location: request.url === "/a" ? "/b" : `${other}/c` }).end();
  });
  const headers = { authorization: "Bearer secret", accept: "x/y" };
  const answer = await hostHttp.send({ url: `${first}/a`, headers });
  expect(await textOf(answer.body)).toBe("there");
  expect(answer.url).toBe(`${other}/c`);
  expect(seen.map(({ authorization, accept }) => [authorization, accept])).toEqual([
    ["Bearer secret", "x/y"],
    ["Bearer secret", "x/y"],
    [undefined, "x/y"],
  ]);
});

test("a ring of redirects ends", async () => {
  const url = await serve((_, response) => response.writeHead(301, { location: "/" }).end());
  await expect(hostHttp.send({ url })).rejects.toMatchObject({ code: "ERR_TOO_MANY_REDIRECTS" });
});

test("a server that says nothing, or stops in the middle, is given up", async () => {
  const silent = await serve(() => undefined);
  await expect(hostHttp.send({ url: silent, idleTimeout: 100 })).rejects.toMatchObject({ code: "ETIMEDOUT" });
  const stalling = await serve((_, response) => response.writeHead(200, { "content-length": 10 }).write("12345"));
  const { body } = await hostHttp.send({ url: stalling, idleTimeout: 200 });
  await expect(textOf(body)).rejects.toMatchObject({ code: "ETIMEDOUT" });
});

test("a body that is cut is an error, not an end", async () => {
  const url = await serve((_, response) => {
    response.writeHead(200, { "content-length": 10 });
    response.write("12345", () => response.destroy());
  });
  const { body } = await hostHttp.send({ url });
  await expect(textOf(body)).rejects.toMatchObject({ code: "ECONNRESET" });
});

test("a signal ends it", async () => {
  const url = await serve(() => undefined);
  await expect(hostHttp.send({ url, signal: AbortSignal.timeout(50) })).rejects.toThrow(/abort/);
});

test("only http and https", async () => {
  await expect(hostHttp.send({ url: "file:///etc/passwd" })).rejects.toMatchObject({ code: "ERR_INVALID_PROTOCOL" });
});

test("a proxy is used where it is set, by settings and not by the environment", async () => {
  const asked: (string | undefined)[] = [];
  const proxy = await serve((request, response) => {
    asked.push(request.url);
    response.end("by proxy");
  });
  const direct = await serve((_, response) => response.end("direct"));
  const through = { http: proxy, https: proxy, none: "127.0.0.0/8" };
  expect(await textOf((await hostHttp.send({ url: "http://releases.test/a", proxy: through })).body)).toBe("by proxy");
  expect(await textOf((await hostHttp.send({ url: direct, proxy: through })).body)).toBe("direct");
  expect(asked).toEqual(["http://releases.test/a"]);
});

test("https goes through the proxy by CONNECT", async () => {
  const connects: (string | undefined)[] = [];
  const proxy = await serve(() => undefined);
  servers[0]?.on("connect", (request, socket) => {
    connects.push(request.url);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  const through = { http: null, https: proxy, none: null };
  await expect(hostHttp.send({ url: "https://releases.test/a", proxy: through })).rejects.toMatchObject({
    code: expect.any(String),
  });
  expect(connects).toEqual(["releases.test:443"]);
});

describe("what is reached directly", () => {
  const none =
    "localhost, .internal.example,*.wild.test example.org,10.0.0.0/8,fd00::/8,192.0.2.7,ports.test:8443,[2001:db8::1]:80";
  test.each([
    ["http://localhost/", true],
    ["http://a.internal.example/", true],
    ["http://internal.example/", true],
    ["http://notinternal.example/", false],
    ["http://b.wild.test/", true],
    ["http://sub.example.org:8080/", true],
    ["http://example.org.evil/", false],
    ["http://10.1.2.3/", true],
    ["http://11.1.2.3/", false],
    ["http://[fd12::1]/", true],
    ["http://[fe80::1]/", false],
    ["http://192.0.2.7/", true],
    ["http://192.0.2.70/", false],
    ["https://ports.test:8443/", true],
    ["https://ports.test/", false],
    ["http://[2001:db8::1]/", true],
  ])("%s: %s", (url, direct) => {
    const proxy = { http: "http://proxy:3128", https: "http://proxy:3128", none };
    expect(proxyFor(new URL(url), proxy)).toBe(direct ? null : "http://proxy:3128");
  });

  test("everything with a star, nothing without a list", () => {
    expect(proxyFor(new URL("http://x/"), { http: "http://p", https: null, none: "*" })).toBeNull();
    expect(proxyFor(new URL("http://x/"), { http: "http://p", https: null, none: null })).toBe("http://p");
    expect(proxyFor(new URL("https://x/"), { http: "http://p", https: null, none: null })).toBeNull();
  });
});
