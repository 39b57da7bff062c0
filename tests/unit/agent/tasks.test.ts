import { TrialError } from "../../../src/concourse/worker-api.ts";
import { generateKeyPairSync } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { publicLine } from "../../../src/concourse/ssh-keys.ts";
import type { ClusterSecret } from "../../../src/agent/contract.ts";
import { PLACES, STORE, World } from "./world.ts";

const KEYS = Array.from({ length: 3 }, () =>
  generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
);
const WEB = { url: "http://web", username: "admin", password: "geheim" };
const WEB_SERVICE = "concourse-web.service";

let world: World;
beforeEach(() => {
  world = new World();
  world.keys = KEYS;
});
afterEach(() => world.stop());

const startPrivate = (change: object = {}) =>
  world.start({ store: { ...world.orders.store, kind: "private" }, ...change });

describe("store", () => {
  test("a mount that appears, is exchanged for another and vanishes is told within a second", async () => {
    const [first, second] = [world.disk(), world.disk()];
    await world.start();
    await world.clock.advance(3_000);
    expect(world.state.store).toMatchObject({ mounted: false, problem: { blocked: expect.any(Boolean) as boolean } });

    world.fs.attach(STORE, first);
    world.fs.put(`${STORE}/.lxc_shared_storage`, "");
    await world.clock.advance(1_000);
    expect(world.state.store).toMatchObject({ mounted: true, writable: true, problem: null });
    const { id } = world.state.store;
    expect(id).not.toBeNull();
    world.order({ store: { ...world.orders.store, id } });
    await world.clock.advance(2_000);
    expect(world.state.store).toMatchObject({ mounted: true, id, problem: null });

    world.fs.detach(STORE);
    await world.clock.advance(1_000);
    expect(world.state.store).toMatchObject({ mounted: false });
    expect(world.state.store.problem).not.toBeNull();

    world.fs.attach(STORE, second);
    world.fs.put(`${STORE}/.lxc_shared_storage`, "");
    await world.clock.advance(1_000);
    expect(world.state.store.problem).not.toBeNull();

    world.fs.detach(STORE);
    world.fs.attach(STORE, first);
    await world.clock.advance(2_000);
    expect(world.state.store).toMatchObject({ mounted: true, id, problem: null });
  });

  test("a mount that turns read-only is told", async () => {
    const disk = world.disk();
    world.fs.attach(STORE, disk);
    world.fs.put(`${STORE}/.lxc_shared_storage`, "");
    await world.start();
    await world.clock.advance(2_000);
    expect(world.state.store.writable).toBe(true);
    world.fs.detach(STORE);
    world.fs.attach(STORE, disk, { readOnly: true });
    await world.clock.advance(1_000);
    expect(world.state.store).toMatchObject({ mounted: true, writable: false });
  });

  test("a store that could not be written is written again once it can be, though nothing else about it changes", async () => {
    const disk = world.disk();
    world.fs.attach(STORE, disk);
    world.fs.put(`${STORE}/.lxc_shared_storage`, "");
    world.fs.put(
      `${STORE}/store.json`,
      `${JSON.stringify({ schema: 1, id: "0a1b2c3d-0000-4000-8000-00000000000f" })}\n`,
    );
    world.beforeCall = ({ changes, disk: where }) => {
      if (changes && where === disk) throw Object.assign(new Error("EROFS"), { code: "EROFS" });
    };
    await world.start();
    await world.clock.advance(2_000);
    expect(world.state.store).toMatchObject({ mounted: true, writable: false, problem: null });
    world.beforeCall = () => undefined;
    await world.clock.advance(7_000);
    expect(world.state.store).toMatchObject({ mounted: true, writable: true, problem: null });
  });

  test("the lease is on the store before it is told", async () => {
    await startPrivate();
    await world.clock.advance(1_000);
    expect(world.state.lease).toEqual([]);
    const name = "7.14.3-linux-amd64-1a2b3c4d5e6f";
    world.order({ store: { ...world.orders.store, lease: [name] } });
    await world.clock.advance(1_000);
    expect(world.state.lease).toEqual([name]);
    expect(world.fs.text(`${STORE}/worker/${world.orders.store.member}/state.json`)).toContain(name);
    expect(world.untold()).toEqual([]);
  });

  test("a unit that cannot write touches nothing, and tells the lease that it reads", async () => {
    const disk = world.disk();
    world.fs.attach(STORE, disk);
    world.fs.put(`${STORE}/.lxc_shared_storage`, "");
    await world.start();
    await world.clock.advance(2_000);
    world.fs.detach(STORE);
    world.fs.attach(STORE, disk, { readOnly: true });
    const name = "7.14.3-linux-amd64-1a2b3c4d5e6f";
    const { member } = world.orders.store;
    world.order({ store: { ...world.orders.store, lease: [name] } });
    await world.clock.advance(2_000);
    expect(world.state).toMatchObject({ store: { mounted: true, writable: false, problem: null }, lease: [] });
    world.fs.put(
      `${STORE}/worker/${member}/held-by-m1-web.json`,
      JSON.stringify({ schema: 1, member, releases: [name] }),
    );
    await world.clock.advance(1_000);
    expect(world.state.lease).toEqual([name]);
    expect(world.state.problems).toEqual({});
  });

  test("the fetcher holds leases for others, and gives them up", async () => {
    const name = "7.14.3-linux-amd64-1a2b3c4d5e6f";
    const file = `${STORE}/worker/0a1b2c3d-worker-0/held-by-${world.orders.store.application}.json`;
    await startPrivate({
      store: { ...world.orders.store, kind: "private", leasesFor: [{ member: "0a1b2c3d-worker-0", releases: [name] }] },
    });
    await world.clock.advance(1_000);
    expect(world.fs.text(file)).toContain(name);
    world.order({ store: { ...world.orders.store, leasesFor: [] } });
    await world.clock.advance(1_000);
    expect(world.fs.text(file)).toBeNull();
  });

  test("a name that turns into something else is refused within seconds", async () => {
    await startPrivate();
    await world.clock.advance(1_000);
    world.fs.makeDirectories(`${STORE}/config.env`);
    await world.clock.advance(6_000);
    expect(world.state.store.problem?.message).toMatch(/config\.env is not a file/);
  });
});

describe("keys", () => {
  test("a worker key is made once, private, and only its public half told", async () => {
    await startPrivate({ workerKey: true });
    await world.clock.advance(5_000);
    const key = world.fs.text(PLACES.workerKey) ?? "";
    expect(world.fs.mode(PLACES.workerKey)).toBe(0o600);
    expect(world.state.workerPublicKey).toBe(publicLine(key));
    world.kill();
    await startPrivate({ workerKey: true });
    await world.clock.advance(5_000);
    expect(world.keysMade).toBe(1);
    expect(world.fs.text(PLACES.workerKey)).toBe(key);
  });

  test("killed while the key is made: the next life makes it, and sweeps what was left", async () => {
    await startPrivate({ workerKey: true });
    await world.clock.advance(1_000);
    world.kill();
    world.fs.put("/etc/concourse/.worker_key.left", "half", 0o600);
    await startPrivate({ workerKey: true });
    await world.clock.advance(5_000);
    expect(world.fs.names("/etc/concourse")).toEqual(["worker_key"]);
    expect(world.state.workerPublicKey).toMatch(/^ssh-rsa /);
  });

  test("a cluster secret is complete, private, told, and gone once it is not wanted", async () => {
    await startPrivate({ clusterSecret: true });
    await world.clock.advance(5_000);
    expect(world.state.clusterSecretReady).toBe(true);
    expect(world.fs.mode(PLACES.clusterSecret)).toBe(0o600);
    const secret = JSON.parse(world.fs.text(PLACES.clusterSecret) ?? "") as ClusterSecret;
    expect(secret["admin-password"]).toMatch(/^[0-9A-Za-z]{24}$/);
    expect(secret["session-signing-key"]).not.toBe(secret["tsa-host-key"]);
    const shown = JSON.stringify([world.told, world.logged, world.fs.text(PLACES.state)]);
    for (const value of Object.values(secret)) expect(shown).not.toContain(value);

    world.kill();
    await startPrivate({ clusterSecret: true });
    await world.clock.advance(5_000);
    expect(world.keysMade).toBe(2);

    world.order({ clusterSecret: false });
    await world.clock.advance(1_000);
    expect(world.state.clusterSecretReady).toBe(false);
    expect(world.fs.text(PLACES.clusterSecret)).toBeNull();
  });
});

describe("database", () => {
  const database = { hosts: [{ host: "db", port: 5432 }], user: "u", password: "p", database: "d", ca: null };

  test("loss and return are told; at rest it is looked at every 10 s, while it fails every 5 s", async () => {
    await startPrivate({ database });
    await world.clock.advance(1_000);
    expect(world.state.database).toMatchObject({ ready: true });
    world.databaseCalls = [];
    await world.clock.advance(60_000);
    expect(world.databaseCalls).toHaveLength(6);
    world.database = {
      ...world.database,
      ready: false,
      problem: { code: "database-unreachable", message: "down", blocked: false },
    };
    await world.clock.advance(10_000);
    expect(world.state.database).toMatchObject({ ready: false, problem: { message: "down" } });
    world.databaseCalls = [];
    await world.clock.advance(50_000);
    expect(world.databaseCalls).toHaveLength(10);
    world.database = { ...world.database, ready: true, problem: null };
    await world.clock.advance(5_000);
    expect(world.state.database).toMatchObject({ ready: true, problem: null });
    world.order({ database: null });
    await world.clock.advance(1_000);
    expect(world.state.database).toBeNull();
  });

  test("a fault nobody foresaw is one line in the journal without the password, a problem, and tried again", async () => {
    world.databaseCalls.push = () => {
      throw new Error("boom with p4ssw0rd");
    };
    await startPrivate({ database: { ...database, password: "p4ssw0rd" } });
    await world.clock.advance(60_000);
    expect(world.state.problems["database"]).toMatchObject({ code: "agent-fault", blocked: false });
    const lines = world.logged.filter((line) => line.includes("boom"));
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain("p4ssw0rd");
    world.databaseCalls = [];
    await world.clock.advance(10_000);
    expect(world.state.problems).toEqual({});
    expect(world.state.database).toMatchObject({ ready: true });
  });
});

describe("web", () => {
  let workers: { name: string; state: string; start_time?: number }[];
  let token: number;
  let database: boolean;
  let pipelines: number;
  beforeEach(() => {
    pipelines = 200;
    workers = [];
    token = 1;
    database = true;
  });

  function webUp(): void {
    world.answer = async ({ url, headers = {}, body = "" }) => {
      if (url.endsWith("/info")) return { status: 200, body: '{"version":"7.14.3","worker_version":"2.5"}' };
      if (!database) return { status: 500 };
      if (url.endsWith("/token")) {
        return body.includes("password=geheim")
          ? { status: 200, body: `{"access_token":"t${token}"}` }
          : { status: 401 };
      }
      if (url.endsWith("/pipelines")) return { status: pipelines };
      if (headers["authorization"] !== `Bearer t${token}`) return { status: 401 };
      return { status: 200, body: JSON.stringify(workers) };
    };
  }

  test("API, database and workers are told as they come and go", async () => {
    await startPrivate({ web: WEB });
    await world.clock.advance(1_000);
    expect(world.state.web).toMatchObject({ api: false, problem: "ECONNREFUSED" });
    database = false;
    webUp();
    await world.clock.advance(500);
    expect(world.state.web).toMatchObject({ api: true, version: "7.14.3", database: false });
    database = true;
    await world.clock.advance(500);
    expect(world.state.web).toMatchObject({ api: true, database: true, workers: [], problem: null });
    workers = [
      { name: "b", state: "running", start_time: 1_700_000_000 },
      { name: "a", state: "running" },
      { name: "c", state: "stalled" },
    ];
    await world.clock.advance(500);
    expect(world.state.web?.workers).toEqual([
      { name: "a", state: "running", since: null },
      { name: "b", state: "running", since: 1_700_000_000 },
    ]);
    workers.pop();
    database = false;
    await world.clock.advance(3_000);
    expect(world.state.web).toMatchObject({ api: true, database: false, workers: [] });
    expect(JSON.stringify(world.state)).not.toContain("geheim");
  });

  test("pipelines that do not answer are named, though workers are listed", async () => {
    webUp();
    await startPrivate({ web: WEB });
    await world.clock.advance(1_000);
    expect(world.state.web).toMatchObject({ api: true, database: true });
    pipelines = 500;
    await world.clock.advance(3_000);
    const problem = "/api/v1/pipelines answered 500";
    expect(world.state.web).toMatchObject({ api: true, database: false, problem });
  });

  const DATABASE = { hosts: [{ host: "db", port: 5432 }], user: "u", password: "p", database: "c", ca: null };

  test("a web that checks nothing is named, once it has had its first minute", async () => {
    webUp();
    world.database = { ...world.database, idle: true };
    await startPrivate({ web: WEB, database: DATABASE });
    await world.clock.advance(50_000);
    expect(world.state.web).toMatchObject({ database: true });
    await world.clock.advance(20_000);
    const problem = "it has checked nothing for a minute";
    expect(world.state.web).toMatchObject({ api: true, database: false, problem });
    world.database = { ready: true, host: "db", port: 5432, problem: null };
    await world.clock.advance(20_000);
    expect(world.state.web).toMatchObject({ database: true, problem: null });
  });

  test("it follows builds once it has looked for them since its start", async () => {
    webUp();
    world.tracked = () => "before its start";
    await startPrivate({ web: WEB, database: DATABASE });
    await world.clock.advance(20_000);
    expect(world.state.web).toMatchObject({ database: true });
    expect(world.state.web?.tracks).toBeUndefined();
    world.tracked = () => "now";
    await world.clock.advance(5_000);
    expect(world.state.web?.tracks).toBe(true);
  });

  test("a token that is no longer good is replaced without a word; one login serves many looks", async () => {
    webUp();
    await startPrivate({ web: WEB });
    await world.clock.advance(20_000);
    const { sequence } = world.state;
    token = 2;
    await world.clock.advance(20_000);
    expect(world.requests.filter((line) => line.endsWith("/token"))).toHaveLength(2);
    expect(world.state).toMatchObject({ sequence, web: { database: true } });
  });

  test("looks often while something is expected, rarely at rest", async () => {
    webUp();
    const looks = async (milliseconds: number) => {
      world.requests.length = 0;
      await world.clock.advance(milliseconds);
      return world.requests.filter((line) => line.endsWith("/workers")).length;
    };
    await startPrivate({ web: WEB });
    expect(await looks(5_000)).toBeGreaterThan(15);
    await world.clock.advance(20_000);
    expect(await looks(20_000)).toBe(10);
    world.order({ web: { ...WEB, expected: ["a"] } });
    expect(await looks(5_000)).toBeGreaterThan(15);
    workers = [{ name: "a", state: "running" }];
    await world.clock.advance(20_000);
    expect(await looks(20_000)).toBe(10);
  });

  test("one late answer is doubted, two are believed", async () => {
    webUp();
    await startPrivate({ web: WEB });
    await world.clock.advance(20_000);
    const { sequence } = world.state;
    const well = world.answer;
    let lost = 1;
    world.answer = (request) => (lost-- > 0 ? new Promise(() => undefined) : well(request));
    await world.clock.advance(20_000);
    expect(world.state.sequence).toBe(sequence);
    lost = 3;
    await world.clock.advance(20_000);
    expect(world.state.web).toMatchObject({ api: true });
    expect(world.state.sequence).toBeGreaterThan(sequence);
  });

  test("another process is another web: its API is not there before it has answered itself", async () => {
    webUp();
    world.services = { [WEB_SERVICE]: { active: "active", pid: 100, restarts: 0 } };
    world.fs.makeDirectories("/proc/100");
    await startPrivate({ web: WEB, services: [WEB_SERVICE] });
    await world.clock.advance(20_000);
    expect(world.state.web).toMatchObject({ api: true });
    const seen: [number, boolean][] = [];
    world.charm = (state) => {
      seen.push([state.services[WEB_SERVICE]?.mainPid ?? 0, state.web?.api ?? false]);
      return world.acknowledge(state.sequence);
    };
    world.answer = () => new Promise(() => undefined);
    world.services = { [WEB_SERVICE]: { active: "active", pid: 101, restarts: 0 } };
    world.fs.makeDirectories("/proc/101");
    world.fs.put(`/run/systemd/units/invocation:${WEB_SERVICE}`, "");
    await world.clock.advance(3_000);
    webUp();
    await world.clock.advance(5_000);
    expect(seen).toContainEqual([101, false]);
    expect(seen.at(-1)).toEqual([101, true]);
    expect(seen.findIndex(([pid, api]) => pid === 101 && api)).toBeGreaterThan(seen.findIndex(([pid]) => pid === 101));
  });
});

describe("probe", () => {
  test("silent only after several misses over a minute; one answer ends it", async () => {
    world.answer = async () => ({ status: 200, body: '{"version":"7.14.3"}' });
    await startPrivate({ probe: { unit: "ci/1", url: "http://other" } });
    await world.clock.advance(2_000);
    expect(world.state.probe).toEqual({ unit: "ci/1", silent: false });
    world.answer = () => new Promise(() => undefined);
    await world.clock.advance(60_000);
    expect(world.state.probe).toEqual({ unit: "ci/1", silent: false });
    await world.clock.advance(15_000);
    expect(world.state.probe).toEqual({ unit: "ci/1", silent: true });
    world.answer = async () => ({ status: 200, body: '{"version":"7.14.3"}' });
    await world.clock.advance(11_000);
    expect(world.state.probe).toEqual({ unit: "ci/1", silent: false });
    world.order({ probe: null });
    await world.clock.advance(1_000);
    expect(world.state.probe).toBeNull();
  });

  test("a closed port is silence where a web has run, and none where one is being installed", async () => {
    world.answer = () => Promise.reject(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }));
    await startPrivate({ probe: { unit: "ci/1", url: "http://other", installing: true } });
    await world.clock.advance(90_000);
    expect(world.state.probe).toEqual({ unit: "ci/1", silent: false });
    world.order({ probe: { unit: "ci/1", url: "http://other" } });
    await world.clock.advance(90_000);
    expect(world.state.probe).toEqual({ unit: "ci/1", silent: true });
  });

  test("silence of one web says nothing of the next", async () => {
    await startPrivate({ probe: { unit: "ci/1", url: "http://one" } });
    await world.clock.advance(90_000);
    expect(world.state.probe).toEqual({ unit: "ci/1", silent: true });
    world.order({ probe: { unit: "ci/2", url: "http://two" } });
    await world.clock.advance(30_000);
    expect(world.state.probe).toEqual({ unit: "ci/2", silent: false });
  });
});

describe("services", () => {
  const service = "concourse-worker.service";

  test("systemd is asked when something happens, and rarely otherwise", async () => {
    await startPrivate({ services: [service] });
    await world.clock.advance(1_000);
    expect(world.state.services[service]).toEqual({ active: "inactive", mainPid: 0, restarts: 0 });
    const asked = () => world.told.filter(({ what }) => what === "systemctl").length;
    const before = asked();
    await world.clock.advance(600_000);
    expect(asked() - before).toBe(10);

    world.services = { [service]: { active: "active", pid: 7, restarts: 0 } };
    world.fs.makeDirectories("/proc/7");
    world.fs.put(`/run/systemd/units/invocation:${service}`, "");
    await world.clock.advance(100);
    expect(world.state.services[service]).toEqual({ active: "active", mainPid: 7, restarts: 0 });

    world.fs.remove("/proc/7");
    world.services = { [service]: { active: "activating", pid: 0, restarts: 1 } };
    await world.clock.advance(1_000);
    expect(world.state.services[service]).toMatchObject({ active: "activating" });
    world.services = { [service]: { active: "failed", pid: 0, restarts: 1 } };
    await world.clock.advance(1_000);
    expect(world.state.services[service]).toMatchObject({ active: "failed" });
  });
});

describe("a worker", () => {
  const service = "concourse-worker.service";
  const startWorker = async (): Promise<void> => {
    world.services = { [service]: { active: "active", pid: 7, restarts: 0 } };
    world.fs.makeDirectories("/proc/7");
    await startPrivate({ worker: true, services: [service] });
    await world.clock.advance(1_000);
  };

  test("is tried once for each process, once it listens, and each hour", async () => {
    let tries = 0;
    let listens = false;
    world.tryWorker = async () => {
      tries += 1;
      if (!listens) throw Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    };
    await startWorker();
    expect(world.state.trial).toBeNull();
    listens = true;
    await world.clock.advance(1_000);
    expect(world.state.trial).toEqual({ pid: 7, problem: null });
    const before = tries;
    await world.clock.advance(3_500_000);
    expect(tries).toBe(before);
    await world.clock.advance(200_000);
    expect(tries).toBe(before + 1);
  });

  test("that cannot make a volume twice in a row says why within seconds, with the cause of its log", async () => {
    world.journal = '{"level":"error","data":{"error":"operation not permitted"}}\n';
    world.tryWorker = () => Promise.reject(new TrialError("no volume can be made", "failed to create volume"));
    await startWorker();
    await world.clock.advance(2_000);
    expect(world.state.trial).toEqual({ pid: 7, problem: "no volume can be made: operation not permitted" });
    world.tryWorker = async () => undefined;
    await world.clock.advance(20_000);
    expect(world.state.trial).toEqual({ pid: 7, problem: null });
  });

  test("gets iptables once an hour, by the model's proxy, and is told while it comes", async () => {
    const lack = { name: "no-iptables", stops: "worker", message: "iptables is missing" } as const;
    world.preflight = { installing: null, lacks: [lack] };
    world.apt = () => ({ code: 100, signal: null, stdout: "", stderr: "E: Unable to locate package" });
    const orders = { worker: true, source: { ...world.orders.source, httpProxy: "http://proxy:3128" } };
    await startPrivate(orders);
    await world.clock.advance(60_000);
    const apt = () => world.told.filter(({ what }) => what === "apt").map(({ text }) => text);
    expect(apt()).toEqual([expect.stringMatching(/^env .*http_proxy=http:\/\/proxy:3128 .*install .*iptables$/)]);
    expect(world.state.preflight).toEqual({ installing: null, lacks: [lack] });
    await world.clock.advance(3_600_000);
    expect(apt()).toHaveLength(2);
  });

  test("is not said to lack what is there again a moment later", async () => {
    const lack = { name: "port-of-worker-taken", stops: "worker", message: "port 7777 is taken" } as const;
    world.preflight = { installing: null, lacks: [lack] };
    await startPrivate({ worker: true });
    await world.clock.advance(500);
    expect(world.state.preflight).toBeNull();
    world.preflight = { installing: null, lacks: [] };
    await world.clock.advance(1_000);
    expect(world.state.preflight).toEqual({ installing: null, lacks: [] });
    world.preflight = { installing: null, lacks: [lack] };
    await world.clock.advance(302_000);
    expect(world.state.preflight).toEqual({ installing: null, lacks: [lack] });
  });

  test("that ends again and again is told by the restarts of ten minutes", async () => {
    await startWorker();
    world.journal = "error: recover overlay mount: operation not permitted\n";
    for (const restarts of [1, 2, 3]) {
      world.services = { [service]: { active: "activating", pid: 0, restarts } };
      world.fs.put(`/run/systemd/units/invocation:${service}`, String(restarts));
      await world.clock.advance(2_000);
    }
    expect(world.state.services[service]).toMatchObject({
      restarts: 3,
      recent: 3,
      cause: "recover overlay mount: operation not permitted",
    });
    world.services = { [service]: { active: "active", pid: 7, restarts: 3 } };
    await world.clock.advance(700_000);
    expect(world.state.services[service]).toEqual({ active: "active", mainPid: 7, restarts: 3 });
  });
});
