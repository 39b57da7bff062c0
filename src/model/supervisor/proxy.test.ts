import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RefusedError } from "./destinations.ts";
import { startProxy } from "./proxy.ts";

let proxy: Server;
let upstream: Server;
/** What the server behind the proxy does with a connection. */
let serve: (socket: Socket) => void;

beforeEach(async () => {
  upstream = createServer((socket) => {
    socket.on("error", () => {});
    serve(socket);
  }).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  proxy = await startProxy("127.0.0.1", 0, async (host) => {
    if (host === "refused.example") throw new RefusedError("refused.example is 127.0.0.1, an address of this host");
    if (host !== "up.example") throw new Error(`getaddrinfo ENOTFOUND ${host}`);
    const socket = connect((upstream.address() as AddressInfo).port, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  });
});
afterEach(() => {
  proxy.close();
  upstream.close();
});

/** Everything that comes back for these bytes; `then` may say more once the first of it is there. */
async function said(text: string, then: (socket: Socket) => void = () => {}): Promise<string> {
  const socket = connect((proxy.address() as AddressInfo).port, "127.0.0.1").setEncoding("latin1");
  socket.on("error", () => {});
  let heard = "";
  socket.on("data", (chunk: string) => {
    if (heard === "") then(socket);
    heard += chunk;
  });
  socket.write(text);
  await once(socket, "close");
  return heard;
}

const line = (words: string): string => `${words} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;

test.each([
  ["CONNECT a:99999", 400, "This is no request for a proxy"],
  ["CONNECT [::", 400, "This is no request for a proxy"],
  ["GET /path", 400, "This is no request for a proxy"],
  ["GET https://up.example/", 400, "This is no request for a proxy"],
  ["CONNECT refused.example:443", 403, "Refused: refused.example is 127.0.0.1, an address of this host"],
  ["GET http://refused.example/", 403, "Refused: refused.example is 127.0.0.1, an address of this host"],
  ["CONNECT no.example:443", 502, "getaddrinfo ENOTFOUND no.example"],
  ["GET http://no.example/", 502, "getaddrinfo ENOTFOUND no.example"],
])("%s is answered with %i: %s", async (words, status, text) => {
  const answer = await said(line(words));
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(answer).toContain(text);
});

test("a tunnel carries both ways, from its first byte", async () => {
  serve = (socket) => socket.once("data", (bytes) => socket.end(`heard ${String(bytes)}`));
  expect(await said(`${line("CONNECT up.example:7")}early`)).toBe(
    "HTTP/1.1 200 Connection Established\r\n\r\nheard early",
  );
});

test("a request is passed on without what is meant for the proxy", async () => {
  serve = (socket) =>
    socket.once("data", (bytes) => {
      const text = String(bytes);
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    });
  const answer = await said(
    "GET http://up.example/a?b HTTP/1.1\r\nHost: up.example\r\nProxy-Authorization: Basic eA==\r\nProxy-Connection: close\r\nConnection: close\r\n\r\n",
  );
  expect(answer).toContain("GET /a?b HTTP/1.1\r\n");
  expect(answer).not.toMatch(/proxy-/i);
});

test("what is cut in mid-answer is cut, with nothing of ours in it", async () => {
  const begun = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun";
  serve = (socket) => socket.once("data", () => socket.write(begun, () => socket.resetAndDestroy()));
  expect(await said(line("GET http://up.example/"))).not.toMatch(/RESET|502|aborted/);
  serve = (socket) => {
    socket.write("begun");
    socket.once("data", () => socket.resetAndDestroy());
  };
  const tunnelled = await said(line("CONNECT up.example:7"), (socket) => socket.write("more"));
  expect(tunnelled.replace("begun", "")).toBe("HTTP/1.1 200 Connection Established\r\n\r\n");
});

test("clients that go away in the middle leave the proxy answering", async () => {
  serve = (socket) => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
  for (const words of ["GET http://up.example/", "CONNECT up.example:7", "POST http://up.example/"])
    await said(line(words), (socket) => socket.resetAndDestroy());
  expect(await said(line("GET /"))).toMatch(/^HTTP\/1\.1 400 /);
});
