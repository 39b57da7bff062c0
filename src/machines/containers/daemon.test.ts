import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { Daemon, DaemonError } from "./daemon.ts";
import { incus } from "./flavour.ts";
import { Instance } from "./instance.ts";

/** Answers of a daemon, by method and path, as Incus 6.0 words them. */
type Answers = Readonly<Record<string, object>>;

const sync = (metadata: unknown) => ({
  type: "sync",
  status_code: 200,
  operation: "",
  error: "",
  error_code: 0,
  metadata,
});
const refused = (error_code: number, error: string) => ({
  type: "error",
  operation: "",
  error,
  error_code,
  metadata: null,
});
const begun = (operation: string) => ({ ...sync({}), type: "async", operation });

let directory: string;
let server: Server;
let answers: Answers = {};
const asked: { readonly request: string; readonly body: string }[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "daemon-"));
  asked.length = 0;
  server = createServer(async (request, response) => {
    const name = `${request.method} ${request.url}`;
    asked.push({ request: name, body: await text(request) });
    response.end(JSON.stringify(answers[name] ?? refused(404, `not found: ${name}`)));
  });
  server.listen(join(directory, "unix.socket"));
  await once(server, "listening");
});
afterEach(async () => {
  server.close();
  await once(server, "close");
  rmSync(directory, { recursive: true });
});

const daemon = () => new Daemon(join(directory, "unix.socket"));

test("everything is asked for in the project of ours", async () => {
  answers = { "GET /1.0/instances?recursion=1&project=concourse-machine": sync([]) };
  expect(await daemon().get("/1.0/instances?recursion=1")).toEqual([]);
});

test("what is not there is null where it may be missing, and an error with the daemon's words elsewhere", async () => {
  answers = {};
  expect(await daemon().find("/1.0/x")).toBeNull();
  await expect(daemon().get("/1.0/x")).rejects.toThrow(
    new DaemonError("not found: GET /1.0/x?project=concourse-machine", 404),
  );
});

test("a change is waited for, and fails as its operation does", async () => {
  answers = {
    "POST /1.0/instances?project=concourse-machine": begun("/1.0/operations/1"),
    "PUT /1.0/instances/a/state?project=concourse-machine": begun("/1.0/operations/2"),
    "GET /1.0/operations/1/wait?project=concourse-machine": sync({ status_code: 200, err: "", metadata: { done: 1 } }),
    "GET /1.0/operations/2/wait?project=concourse-machine": sync({
      status_code: 400,
      err: "no such disk",
      metadata: null,
    }),
  };
  expect(await daemon().change("POST", "/1.0/instances", { json: { name: "a" } })).toEqual({ done: 1 });
  expect(asked[0]?.body).toBe('{"name":"a"}');
  await expect(daemon().change("PUT", "/1.0/instances/a/state")).rejects.toThrow("no such disk");
});

test("a file of the host is sent as it is", async () => {
  const file = join(directory, "image.tar");
  writeFileSync(file, "the image");
  answers = { "POST /1.0/images?project=concourse-machine": sync(null) };
  await daemon().change("POST", "/1.0/images", { file });
  expect(asked[0]?.body).toBe("the image");
});

test("an instance waits for what others began with it, but not for commands in it, nor for other instances", async () => {
  const operation = (id: string, kind: string, instance: string) => ({
    id,
    class: kind,
    resources: { instances: [`/1.0/instances/${instance}?project=concourse-machine`] },
  });
  const running = [operation("1", "task", "a"), operation("2", "websocket", "a"), operation("3", "task", "ab")];
  answers = {
    "GET /1.0/operations?recursion=1&project=concourse-machine": sync({
      running,
      success: [operation("4", "task", "a")],
    }),
  };
  await new Instance(daemon(), "a").settled();
  expect(asked.map(({ request }) => request).filter((request) => request.includes("/wait"))).toEqual([
    "GET /1.0/operations/1/wait?project=concourse-machine",
  ]);
});

test.each([
  ['Failed creating instance record: Instance is busy running a "create" operation', 2],
  ["no such disk", 1],
])("a change that is answered with %s is made %d times", async (answer, times) => {
  answers = { "GET /1.0/operations?recursion=1&project=concourse-machine": sync({}) };
  let made = 0;
  const work = async (): Promise<void> => {
    made += 1;
    if (made === 1) throw new DaemonError(answer, 400);
  };
  const told = await new Instance(daemon(), "a").undisturbed(work).catch((error: unknown) => error);
  expect([made, told]).toEqual([times, times === 1 ? new DaemonError(answer, 400) : undefined]);
});

test.each([
  ["trusted", true],
  ["untrusted", false],
])("a daemon that calls us %s counts: %j", async (auth, counts) => {
  answers = { "GET /1.0?project=concourse-machine": sync({ auth, environment: {} }) };
  const flavour = { ...incus, directory: join(directory, "none"), sockets: [join(directory, "unix.socket")] };
  expect((await connect(flavour)) !== null).toBe(counts);
  const silent = { ...flavour, sockets: [join(directory, "nobody.socket")] };
  expect(await connect(silent)).toBeNull();
});
