import { createServer, type RequestListener, type Server } from "node:http";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { baggageclaim, garden, send } from "../../standin/program/worker/volumes.ts";
import { hostHttp } from "../host/http.ts";
import type { Http } from "../ports.ts";
import { tryWorker } from "./worker-api.ts";

let directory: string;
let servers: Server[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "worker-api-"));
  mkdirSync(join(directory, "volumes/live"), { recursive: true });
  servers = [];
});
afterEach(() => {
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true });
});

async function listen(handler: RequestListener): Promise<number> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

/** The ports of a worker lead to those of the test. */
async function worker(volumes: RequestListener, containers: RequestListener): Promise<Http & { calls: string[] }> {
  const ports = { 7788: await listen(volumes), 7777: await listen(containers) };
  const calls: string[] = [];
  return {
    calls,
    send: (request) => {
      calls.push(`${request.method} ${request.url.replace("http://127.0.0.1:", "")}`);
      const url = request.url.replace(/:(7788|7777)\//, (_, port: "7788" | "7777") => `:${ports[port]}/`);
      return hostHttp.send({ ...request, url });
    },
  };
}

const signal = new AbortController().signal;

test("a volume, a copy and a container are made and destroyed, the last one first", async () => {
  const http = await worker(baggageclaim(directory), garden());
  await tryWorker(http, "h", signal);
  expect(http.calls).toEqual([
    "POST 7788/volumes",
    "POST 7788/volumes",
    "POST 7777/containers",
    "DELETE 7777/containers/h",
    "DELETE 7788/volumes/h-child",
    "DELETE 7788/volumes/h",
  ]);
  expect(readdirSync(join(directory, "volumes/live"))).toEqual([]);
});

test.each<[string, (request: { url?: string; method?: string }, nth: number) => boolean, string]>([
  ["volume", (_, nth) => nth === 1, "no volume can be made"],
  ["copy", (_, nth) => nth === 2, "no copy of a volume can be made"],
])("what fails is told in Baggageclaim's words: %s", async (_, fails, message) => {
  let posts = 0;
  const real = baggageclaim(directory);
  const http = await worker((request, response) => {
    if (request.method === "POST") posts += 1;
    if (request.method === "POST" && fails(request as { url?: string }, posts))
      return send(response, 500, { error: "failed to create volume" });
    real(request, response);
  }, garden());
  await expect(tryWorker(http, "h", signal)).rejects.toMatchObject({ message, said: "failed to create volume" });
  expect(readdirSync(join(directory, "volumes/live"))).toEqual([]);
});

test("and in Garden's", async () => {
  const http = await worker(baggageclaim(directory), (request, response) =>
    send(response, request.method === "POST" ? 500 : 404, { Type: "", Message: "new task: no nesting" }),
  );
  await expect(tryWorker(http, "h", signal)).rejects.toMatchObject({
    message: "no container can be made",
    said: "new task: no nesting",
  });
  expect(readdirSync(join(directory, "volumes/live"))).toEqual([]);
});

test("a worker that does not listen yet is no failed one", async () => {
  const refused: Http = { send: () => Promise.reject(Object.assign(new Error("x"), { code: "ECONNREFUSED" })) };
  await expect(tryWorker(refused, "h", signal)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
