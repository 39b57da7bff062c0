import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../src/model/plugins/postgresql/loopback.ts";
import { RESOURCE_TYPES } from "./recipe.ts";
import { Cluster, until } from "./testing/cluster.ts";
import { unpackRelease, type Release } from "./testing/release.ts";

let release: Release;
let cluster: Cluster;

beforeAll(async () => {
  release = await unpackRelease();
  cluster = await Cluster.start([release.executable]);
}, 180_000);

afterEach(async () => {
  await cluster.endAll();
  cluster.command = [release.executable];
});

afterAll(async () => {
  await cluster?.destroy();
  await release?.remove();
});

describe("a worker", { timeout: 120_000 }, () => {
  test("registers with what it has", async () => {
    await cluster.web();
    const health = await freePort();
    await cluster.worker("one", { CONCOURSE_TAG: "a,,b", CONCOURSE_HEALTHCHECK_BIND_PORT: String(health) });
    await cluster.state("one", "running");
    const [worker] = (await cluster.workers()).filter(({ name }) => name === "one");
    expect(worker).toMatchObject({ version: "2.5", tags: ["a", "b"] });
    expect(worker?.resource_types?.map(({ type }) => type)).toEqual(RESOURCE_TYPES);
    expect((await fetch(`http://127.0.0.1:${health}/`)).status).toBe(200);
  });

  test("lands, comes back, retires, each time ending with 0", async () => {
    await cluster.web();
    const landing = await cluster.worker("two");
    await cluster.state("two", "running");
    landing.child.kill("SIGUSR1");
    expect(await landing.ended).toBe(0);
    await cluster.state("two", "landed");
    const retiring = await cluster.worker("two");
    await cluster.state("two", "running");
    retiring.child.kill("SIGUSR2");
    expect(await retiring.ended).toBe(0);
    await cluster.state("two", null);
  });

  test("stalls when it is gone; pruned then, and not before", async () => {
    await cluster.web();
    const worker = await cluster.worker("three");
    await cluster.state("three", "running");
    expect(await (await cluster.authorized("/api/v1/workers/three/prune", "PUT")).json()).toEqual({
      stderr: "cannot prune running worker",
    });
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toBe(0);
    await cluster.state("three", "stalled");
    expect((await cluster.authorized("/api/v1/workers/three/prune", "PUT")).status).toBe(200);
    expect((await cluster.authorized("/api/v1/workers/three/prune", "PUT")).status).toBe(404);
  });

  test("is let in once its key is authorized, by SIGHUP, without another one being dropped", async () => {
    await cluster.write("authorized", await readFile(cluster.file("worker.pub"), "utf8"));
    const web = await cluster.web({ CONCOURSE_TSA_AUTHORIZED_KEYS: cluster.file("authorized") });
    const first = await cluster.worker("first");
    await cluster.state("first", "running");
    const key = cluster.run(["generate-key", "-t", "ssh", "-b", "2048", "-f", cluster.file("other")]);
    expect(await key.ended).toBe(0);
    const second = await cluster.worker("second", { CONCOURSE_TSA_WORKER_PRIVATE_KEY: cluster.file("other") });
    await until("it is refused", () => second.output().stdout.includes("unable to authenticate"));
    const keys = await Promise.all(["worker.pub", "other.pub"].map((name) => readFile(cluster.file(name), "utf8")));
    await cluster.write("authorized", `# ours\nnot a key\n${keys.join("")}`);
    web.child.kill("SIGHUP");
    await cluster.state("second", "running");
    expect(first.output().stdout.match(/beacon\.registered/g)).toHaveLength(1);
  });

  test("refuses a gateway that shows another key", async () => {
    await cluster.web();
    const worker = await cluster.worker("four", { CONCOURSE_TSA_PUBLIC_KEY: cluster.file("worker.pub") });
    await until("it says so", () => worker.output().stdout.includes("remote host public key mismatch"));
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toBe(0);
  });

  test("accepts one of several gateway keys, tries several hosts, and comes back when the web does", async () => {
    const keys = await Promise.all(["worker.pub", "tsa.pub"].map((name) => readFile(cluster.file(name), "utf8")));
    await cluster.write("gateways", keys.join(""));
    const worker = await cluster.worker("five", {
      CONCOURSE_TSA_PUBLIC_KEY: cluster.file("gateways"),
      CONCOURSE_TSA_HOST: `127.0.0.1:1,127.0.0.1:${cluster.tsaPort}`,
    });
    await until("it has tried in vain", () => worker.output().stdout.includes("all worker SSH gateways unreachable"));
    const web = await cluster.web();
    await cluster.state("five", "running");
    web.child.kill("SIGKILL");
    await web.ended;
    await cluster.web();
    const registrations = () => (worker.output().stdout.match(/beacon\.registered/g) ?? []).length;
    await until("it registered again", () => registrations() === 2);
    await cluster.state("five", "running");
    expect(worker.child.exitCode).toBe(null);
  });

  test.each([
    ["no work dir", { CONCOURSE_TSA_WORKER_PRIVATE_KEY: "worker" }, "`--work-dir' was not specified"],
    ["left-over runtime setting", { CONCOURSE_RUNTIME: "containerd", CONCOURSE_GARDEN_X: "1" }, "with Containerd"],
    ["no such resource types", { CONCOURSE_RESOURCE_TYPES: "/nowhere" }, "open /nowhere: no such file or directory"],
    ["unknown runtime", { CONCOURSE_RUNTIME: "docker" }, "Allowed values are:"],
  ] as const)("refuses: %s", async (name, environment, message) => {
    const rest = name === "no work dir" ? {} : { CONCOURSE_WORK_DIR: cluster.file("w") };
    const keys = { CONCOURSE_TSA_WORKER_PRIVATE_KEY: cluster.file("worker") };
    expect(await cluster.refusal(["worker"], { ...rest, ...keys, ...environment })).toContain(message);
  });
});

test(
  "without its database a web stays up, lets nobody in, and recovers with its workers",
  { timeout: 120_000 },
  async () => {
    const web = await cluster.web();
    const worker = await cluster.worker("six");
    await cluster.state("six", "running");
    const bearer = { headers: { authorization: `Bearer ${await cluster.token()}` } };
    await cluster.database.instance.stop();
    expect((await cluster.request("/api/v1/info")).status).toBe(200);
    expect((await cluster.request("/api/v1/workers", bearer)).status).toBe(401);
    const login = await cluster.login("admin", "secret");
    expect([login.status, await login.json()]).toEqual([500, { error: "server_error" }]);
    await cluster.database.instance.start({});
    await cluster.state("six", "running");
    expect((await cluster.request("/api/v1/workers", bearer)).status).toBe(200);
    expect([web.child.exitCode, worker.child.exitCode]).toEqual([null, null]);
  },
);
