import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { hostHttp } from "../host/http.ts";
import { ApiError, LARGEST_ANSWER_BYTES, listWorkers, logIn, readInfo, type Api } from "./api.ts";

let server: Server;
let api: Api;
let handle: (request: IncomingMessage, response: ServerResponse) => void;
const life = new AbortController();

beforeAll(async () => {
  server = createServer((request, response) => handle(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  api = { http: hostHttp, url: `http://127.0.0.1:${port}`, signal: life.signal };
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  handle = (_, response) => response.writeHead(404).end();
});

const answer =
  (value: unknown, status = 200) =>
  (_: IncomingMessage, response: ServerResponse) =>
    response.writeHead(status).end(typeof value === "string" ? value : JSON.stringify(value));

test("info", async () => {
  handle = answer({ version: "7.14.3", worker_version: "2.5", feature_flags: {} });
  expect(await readInfo(api)).toEqual({ version: "7.14.3", workerVersion: "2.5" });
  handle = answer({ version: "7.14.3" });
  expect(await readInfo(api)).toEqual({ version: "7.14.3", workerVersion: null });
});

test("a login is what fly sends", async () => {
  let seen: { method?: string; url?: string; authorization?: string; form: URLSearchParams } | undefined;
  handle = async (request, response) => {
    const { method = "", url = "", headers } = request;
    const { authorization = "" } = headers;
    seen = { method, url, authorization, form: new URLSearchParams(await text(request)) };
    response.end(JSON.stringify({ access_token: "opaque", token_type: "bearer", expires_in: 86_400 }));
  };
  const password = "p&=ä %+";
  expect(await logIn(api, { username: "admin", password })).toBe("opaque");
  expect(seen).toMatchObject({ method: "POST", url: "/sky/issuer/token", authorization: `Basic ${btoa("fly:Zmx5")}` });
  expect(Object.fromEntries(seen?.form ?? [])).toEqual({
    grant_type: "password",
    username: "admin",
    password,
    scope: "openid profile email federated:id groups",
  });
});

test("workers, sorted, with what makes no sense left out", async () => {
  let bearer = "";
  handle = (request, response) => {
    bearer = request.headers.authorization ?? "";
    const workers = [
      { name: "b", state: "running", version: "2.5", active_containers: 3, start_time: 1_700_000_000 },
      { name: "a", state: "stalled" },
      { state: "running" },
      "x",
    ];
    response.end(JSON.stringify(workers));
  };
  expect(await listWorkers(api, "opaque")).toEqual([
    { name: "a", state: "stalled", version: null, since: null },
    { name: "b", state: "running", version: "2.5", since: 1_700_000_000 },
  ]);
  expect(bearer).toBe("Bearer opaque");
  handle = answer("null");
  expect(await listWorkers(api, "opaque")).toEqual([]);
});

test.each([
  ["a refusal", 401, "{}", 401],
  ["a failure", 503, "", 503],
  ["a page", 200, "<html>", 0],
  ["another type", 200, '"text"', 0],
  ["too much", 200, `"${"x".repeat(LARGEST_ANSWER_BYTES)}"`, 0],
])("%s is an ApiError without credentials in it", async (_, status, body, expected) => {
  handle = answer(body, status);
  const calls = [
    () => readInfo(api),
    () => logIn(api, { username: "admin", password: "geheim" }),
    () => listWorkers(api, "geheim"),
  ];
  for (const call of calls) {
    const error = await call().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: expected, message: expect.not.stringContaining("geheim") as string });
  }
});

test("nobody there, and giving up, are no ApiError", async () => {
  await expect(readInfo({ ...api, url: "http://127.0.0.1:1" })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  const mine = new AbortController();
  handle = () => mine.abort();
  await expect(readInfo({ ...api, signal: mine.signal })).rejects.toMatchObject({ name: "AbortError" });
});
