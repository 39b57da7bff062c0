import { once } from "node:events";
import { readFile, readlink } from "node:fs/promises";
import { createConnection, createServer, type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { hash } from "bcryptjs";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
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

describe("the web", { timeout: 120_000 }, () => {
  test("tells its version, and is the release's own program", async () => {
    const web = await cluster.web();
    expect(await cluster.info()).toMatchObject({
      version: "7.14.3",
      worker_version: "2.5",
      external_url: `http://127.0.0.1:${cluster.port}`,
      cluster_name: "acme",
    });
    expect(await readlink(`/proc/${web.pid}/exe`)).toBe(release.executable);
    expect((await readFile(`/proc/${web.pid}/comm`, "utf8")).trim()).toBe("concourse");
    const page = await (await cluster.request("/")).text();
    expect(page).toContain("It runs no pipelines.");
    expect(page).toContain("npx concourse-machine up --release github");
    for (const line of web.output().stdout.trim().split("\n")) {
      expect(JSON.parse(line)).toMatchObject({ level: "info", source: expect.any(String), data: expect.any(Object) });
    }
  });

  test("lets users in by password only", async () => {
    await cluster.web();
    for (const [user, password] of [
      ["admin", "wrong"],
      ["nobody", "secret"],
    ] as const) {
      const response = await cluster.login(user, password);
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ error: "access_denied" });
    }
    expect(await (await cluster.login("Admin", "secret")).json()).toMatchObject({
      token_type: "bearer",
      expires_in: 86399,
    });
    expect((await cluster.request("/api/v1/workers")).status).toBe(401);
    const forged = { headers: { authorization: "Bearer forged" } };
    expect((await cluster.request("/api/v1/info", forged)).status).toBe(401);
    expect(await (await cluster.authorized("/api/v1/user")).json()).toMatchObject({ name: "admin", is_admin: true });
  });

  test("takes a bcrypt hash for a password, and rewrites its users at each start", async () => {
    const local = `bob:${await hash("hashed", 10)}`;
    await cluster.web({ CONCOURSE_ADD_LOCAL_USER: local, CONCOURSE_MAIN_TEAM_LOCAL_USER: "bob" });
    expect((await cluster.login("bob", "hashed")).status).toBe(200);
    expect((await cluster.login("admin", "secret")).status).toBe(401);
  });

  test("serves fly from the release", async () => {
    await cluster.web();
    const response = await cluster.request("/api/v1/cli?platform=linux&arch=amd64");
    expect(
      Buffer.from(await response.arrayBuffer())
        .subarray(0, 9)
        .toString(),
    ).toBe("#!/bin/sh");
    expect((await cluster.request("/api/v1/cli?platform=plan9&arch=amd64")).status).toBe(500);
  });

  test("ends with 0 on SIGTERM", async () => {
    const web = await cluster.web();
    web.child.kill("SIGTERM");
    expect(await web.ended).toBe(0);
  });

  test("SIGTERM closes the listeners at once, and waits for open requests", async () => {
    const web = await cluster.web();
    const body = "grant_type=nothing";
    const open = createConnection(cluster.port, "127.0.0.1");
    const answer = text(open);
    open.write(
      `POST /sky/issuer/token HTTP/1.1\r\nHost: web\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    // What comes after it was read after it.
    expect(await cluster.info()).not.toBeNull();
    web.child.kill("SIGTERM");
    await until("the port is closed", async () => (await cluster.info()) === null);
    expect(web.child.exitCode).toBeNull();
    open.write(body);
    expect(await answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(await web.ended).toBe(0);
  });

  test("is killed by SIGHUP while it starts", async () => {
    // A server that takes connections and says nothing holds the start up.
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    try {
      const { port } = silent.address() as AddressInfo;
      const web = cluster.run(["web"], { ...cluster.webEnvironment(), CONCOURSE_POSTGRES_PORT: String(port) });
      await until("it has begun", () => web.output().stdout !== "");
      web.child.kill("SIGHUP");
      expect(await web.ended).toBe("SIGHUP");
    } finally {
      silent.close();
    }
  });

  test.each([
    ["unknown log level", { CONCOURSE_LOG_LEVEL: "warn" }, "Invalid value `warn' for option `--log-level'"],
    ["empty number", { CONCOURSE_BIND_PORT: "" }, 'strconv.ParseUint: parsing "": invalid syntax'],
    [
      "empty file",
      { CONCOURSE_POSTGRES_CA_CERT: "" },
      "`--postgres-ca-cert' (expected flag.File): stat : no such file",
    ],
    ["no such key", { CONCOURSE_TSA_HOST_KEY: "/nowhere" }, "failed to read private key file (/nowhere)"],
    ["encryption key of a wrong length", { CONCOURSE_ENCRYPTION_KEY: "short" }, "invalid key size 5"],
    ["nobody in the main team", { CONCOURSE_MAIN_TEAM_LOCAL_USER: "" }, "default team auth not configured"],
    ["no users", { CONCOURSE_ADD_LOCAL_USER: "" }, "server: no connectors specified"],
    ["wrong password", { CONCOURSE_POSTGRES_PASSWORD: "wrong" }, "(SQLSTATE 28P01)"],
    ["no such database", { CONCOURSE_POSTGRES_DATABASE: "nowhere" }, "failed to connect to database:"],
    ["no server", { CONCOURSE_POSTGRES_PORT: "1" }, "dial tcp 127.0.0.1:1: connect: connection refused"],
  ] as const)("refuses: %s", async (_name, environment, message) => {
    expect(await cluster.refusal(["web"], { ...cluster.webEnvironment(), ...environment })).toContain(message);
  });

  test("an empty switch is true, an unknown variable nothing", async () => {
    const web = await cluster.web({ CONCOURSE_COOKIE_SECURE: "", CONCOURSE_NO_SUCH_OPTION: "1" });
    expect(web.output().stderr).toBe("");
  });

  test("names the address that is taken", async () => {
    await cluster.web();
    expect(await cluster.refusal(["web"], cluster.webEnvironment())).toContain("bind: address already in use");
  });

  test("two that start at once migrate once", async () => {
    const other = cluster.run(["web"], {
      ...cluster.webEnvironment(),
      CONCOURSE_BIND_PORT: "0",
      CONCOURSE_TSA_BIND_PORT: "0",
    });
    await cluster.web();
    await until("the other listens", () => other.output().stdout.includes("atc.listening"));
    const version = cluster.run(["migrate", "--current-db-version"], cluster.webEnvironment());
    expect([await version.ended, version.output().stdout]).toEqual([0, "1746768931\n"]);
  });

  test("back on the newer schema checks fail, until the newer program has taken it down", async () => {
    const older = cluster.command;
    const newer = await release.program("8.2.5");
    const migrate = async (command: readonly string[], ...words: string[]): Promise<string> => {
      cluster.command = command;
      const made = cluster.run(["migrate", ...words], cluster.webEnvironment());
      expect(await made.ended).toBe(0);
      return made.output().stdout.trim();
    };
    const check = async (command: readonly string[]): Promise<string> => {
      cluster.command = command;
      await cluster.web();
      const at = "/api/v1/teams/main/pipelines/p";
      const resources = [{ name: "r", type: "mock" }];
      await cluster.authorized(`${at}/config`, "PUT", JSON.stringify({ resources }));
      const asked = await (await cluster.authorized(`${at}/resources/r/check`, "POST")).json();
      const { id } = asked as { id: number };
      const { status } = (await (await cluster.authorized(`/api/v1/builds/${id}`)).json()) as { status: string };
      await cluster.endAll();
      return status;
    };
    const to = "--migrate-db-to-version=1746768931";
    expect(await check(newer)).toBe("succeeded");
    expect(await migrate(older, "--current-db-version")).toBe("1776182280");
    expect(await check(older)).toBe("errored");
    expect(await migrate(older, to)).toContain("Successfully migrated");
    expect(await migrate(newer, "--current-db-version")).toBe("1776182280");
    expect(await migrate(newer, to)).toContain("Successfully migrated");
    expect(await migrate(newer, "--current-db-version")).toBe("1746768931");
    // It does not know what was taken back.
    expect(await migrate(older, "--current-db-version")).toBe("1747084615");
    expect(await check(older)).toBe("succeeded");
    expect(await check(newer)).toBe("succeeded");
  });

  test("a newer version needs pgcrypto and moves the schema; the older one then starts without complaint", async () => {
    cluster.command = await release.program("8.3.0");
    await cluster.web();
    expect(await cluster.info()).toMatchObject({ version: "8.3.0", worker_version: "3.0" });
    const health = await cluster.request("/api/v1/health");
    expect([health.status, await health.json()]).toMatchObject([503, { status: "failing", workers: { running: 0 } }]);
    const version = cluster.run(["migrate", "--current-db-version"], cluster.webEnvironment());
    expect([await version.ended, version.output().stdout]).toEqual([0, "1783024587\n"]);
    await cluster.endAll();
    cluster.command = [release.executable];
    await cluster.web();
    expect(await cluster.info()).toMatchObject({ version: "7.14.3" });
  });

  test("what starts builds notes when it ran; without its tables it answers, and lists no pipelines", async () => {
    await cluster.web({ CONCOURSE_COMPONENT_RUNNER_INTERVAL: "200ms" });
    const { user, password, database, host, port } = cluster.credentials;
    const sql = postgres({ user, password, database, host, port, max: 1 });
    const ran = async () =>
      (await sql`SELECT max(last_ran)::text AS last FROM components`)[0]?.["last"] as string | null;
    try {
      const first = await until("it has run", ran);
      await until("it runs again", async () => (await ran()) !== first);
      expect((await cluster.request("/api/v1/pipelines")).status).toBe(200);
      await sql`ALTER TABLE pipelines RENAME TO gone`;
      expect((await cluster.request("/api/v1/pipelines")).status).toBe(500);
      expect((await cluster.authorized("/api/v1/workers")).status).toBe(200);
    } finally {
      await sql`ALTER TABLE gone RENAME TO pipelines`;
      await sql.end();
    }
  });

  test("a session that may only read cannot log anybody in", async () => {
    await cluster.web();
    const { user, password, database, host, port } = cluster.credentials;
    const sql = postgres({ user, password, database, host, port, max: 1 });
    try {
      expect((await cluster.request("/sky/login")).status).toBe(200);
      await sql`REVOKE INSERT ON auth_request FROM CURRENT_USER`;
      const response = await cluster.request("/sky/login");
      expect([response.status, await response.text()]).toEqual([500, expect.stringContaining("Internal Server Error")]);
    } finally {
      await sql`GRANT INSERT ON auth_request TO CURRENT_USER`;
      await sql.end();
    }
  });
});
