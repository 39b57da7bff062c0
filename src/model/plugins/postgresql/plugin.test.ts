import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PLUGINS, pluginFor } from "../index.ts";
import { SERVER_UID } from "./confinement.ts";
import { freePort, Loopback } from "./loopback.ts";
import type { Credentials } from "./loopback.ts";
import { findServer, isGone, processesOn, until } from "./processes.ts";
import { Server } from "./server.ts";

/** Milliseconds for bringing a server up or down beside other work. */
const SLOW_HOST = 60_000;
const isRoot = process.getuid?.() === 0;

function client({ host, port, user, password, database, ca }: Credentials) {
  const ssl = ca === null ? false : { ca, host };
  return postgres({
    host,
    port,
    user,
    pass: password,
    database,
    ssl,
    max: 1,
    connect_timeout: 3,
    onnotice: () => undefined,
  });
}

async function ask(credentials: Credentials, query: string): Promise<Record<string, unknown>[]> {
  const sql = client(credentials);
  try {
    return [...(await sql.unsafe(query))];
  } finally {
    await sql.end({ timeout: 0 });
  }
}

const pidOf = (loopback: Loopback) => findServer(join(loopback.directory, "cluster", "data"));
const act = async (loopback: Loopback, action: string, params: Record<string, unknown> = {}) =>
  loopback.instance.actions[action]?.(params);

test("the model finds the plug-in by its charm's name", () => {
  expect(pluginFor("postgresql")).toBe(PLUGINS[0]);
  expect(pluginFor("postgresql")?.channels[0]).toBe("16/stable");
  expect(pluginFor("vault")).toBeUndefined();
});

describe.skipIf(!isRoot)("postgresql", () => {
  let loopback: Loopback;
  beforeAll(async () => {
    loopback = await Loopback.start({ "plugin-awkward-passwords": true });
  }, SLOW_HOST);
  afterAll(async () => {
    await loopback?.destroy();
  }, SLOW_HOST);

  test("tells the model what the charm tells", async () => {
    expect(loopback.told).toEqual({
      status: "active",
      message: `Primary - port ${loopback.port}`,
      version: "16.14",
      ports: [`${loopback.port}/tcp`],
    });
    expect(await act(loopback, "get-primary")).toEqual({ primary: "postgresql/0" });
  });

  test("serves a relation: the user logs in by network as the database's owner, by URI or by fields", async () => {
    const credentials = await loopback.relate(1, "concourse");
    const bag = loopback.relations.get(1)?.appData() ?? {};
    expect(await ask(credentials, "SELECT session_user, current_user")).toEqual([
      { session_user: "relation-1", current_user: "charmed_concourse_owner" },
    ]);
    const uri = new URL(loopback.content(bag["secret-user"])["uris"] ?? "");
    expect(decodeURIComponent(uri.password)).toBe(credentials.password);
    expect(credentials.password).toMatch(/[^A-Za-z0-9]/);
  });

  test("gives the privileges of the charm's roles and no more", async () => {
    const credentials = await loopback.relate(2, "privileges");
    const outcome = async (query: string) => {
      try {
        await ask(credentials, query);
        return "allowed";
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    expect(await outcome("CREATE TABLE things (id serial)")).toBe("allowed");
    expect(await outcome("CREATE SCHEMA own")).toBe("allowed");
    expect(await outcome("CREATE TEMPORARY TABLE t ()")).toBe("allowed");
    expect(await outcome("CREATE EXTENSION pgcrypto")).toBe("allowed");
    expect(await outcome("CREATE EXTENSION file_fdw")).toBe("42501");
    expect(await outcome("SET ROLE operator")).toBe("42501");
    expect(await outcome("CREATE DATABASE other")).toBe("42501");
    expect(await outcome("CREATE ROLE other")).toBe("42501");
    const plain = "SET ROLE NONE;";
    expect(await outcome(`${plain} SELECT * FROM things`)).toBe("allowed");
    expect(await outcome(`${plain} INSERT INTO things DEFAULT VALUES`)).toBe("42501");
    expect(await outcome(`${plain} CREATE TABLE mine ()`)).toBe("42501");
    expect(await outcome(`${plain} ALTER TABLE things ADD COLUMN more text`)).toBe("42501");
    expect(await outcome(`${plain} CREATE TEMPORARY TABLE t ()`)).toBe("42501");
    expect(await outcome(`${plain} SET ROLE "charmed_privileges_owner"`)).toBe("allowed");
    await expect(ask({ ...credentials, database: "postgres" }, "SELECT")).rejects.toMatchObject({ code: "42501" });
    await expect(ask({ ...credentials, user: "operator" }, "SELECT")).rejects.toMatchObject({ code: "28000" });
  });

  test("keeps databases apart from each other's users", async () => {
    await loopback.relate(3, "theirs");
    const mine = await loopback.relate(4, "mine");
    await expect(ask({ ...mine, database: "theirs" }, "SELECT")).rejects.toMatchObject({ code: "42501" });
  });

  test("answers again with the same secrets and databags as long as nothing changes", async () => {
    await loopback.relate(5, "steady");
    const before = structuredClone([loopback.relations.get(5)?.appData(), [...loopback.secrets]]);
    await loopback.instance.reconcile();
    expect([loopback.relations.get(5)?.appData(), [...loopback.secrets]]).toEqual(before);
  });

  test("rotates a password: a new revision, the old one refused", async () => {
    const old = await loopback.relate(6, "rotated");
    await act(loopback, "rotate-password", { relation: 6 });
    const now = loopback.credentials(6);
    expect(now.password).not.toBe(old.password);
    expect(loopback.secrets.get("secret:database.6.user.secret")).toHaveLength(2);
    expect(await ask(now, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await expect(ask(old, "SELECT")).rejects.toMatchObject({ code: "28P01" });
    await act(loopback, "rotate-password", { relation: "6", password: "it's 100% \\odd\\" });
    expect(await ask(loopback.credentials(6), "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await expect(act(loopback, "rotate-password", { relation: 99 })).rejects.toThrow(/No relation 99/);
  });

  test("drops the user with the relation and keeps the data for the next", async () => {
    const first = await loopback.relate(7, "kept");
    await ask(first, "CREATE TABLE things AS SELECT 42 AS answer");
    await loopback.unrelate(7);
    await expect(ask(first, "SELECT")).rejects.toMatchObject({ code: "28000" });
    expect(readFileSync(join(loopback.directory, "passwords.json"), "utf8")).not.toContain("relation-7");
    const second = await loopback.relate(8, "kept");
    expect(await ask(second, "SELECT answer FROM things")).toEqual([{ answer: 42 }]);
  });

  test("refuses the database names that the charm refuses, and recovers", async () => {
    await loopback.relate(9, "template1");
    expect(loopback.told).toMatchObject({ status: "blocked", message: "invalid database name" });
    expect(loopback.relations.get(9)?.appData()).toEqual({});
    await loopback.unrelate(9);
    expect(loopback.told).toMatchObject({ status: "active" });
  });

  test("paused it holds connections and answers none; resumed it goes on", async () => {
    const sql = client(await loopback.relate(10, "paused"));
    try {
      await sql`SELECT 1`;
      await act(loopback, "pause");
      expect(loopback.told).toMatchObject({ status: "blocked", message: "Paused: run action resume" });
      let answered = false;
      const waiting = sql`SELECT 1`.then(() => (answered = true));
      const silent = connect(loopback.port, "127.0.0.1");
      await once(silent, "connect");
      silent.destroy();
      expect(answered).toBe(false);
      await loopback.reopen().start({ "plugin-awkward-passwords": true });
      expect(loopback.told).toMatchObject({ status: "blocked", message: "Paused: run action resume" });
      await act(loopback, "resume");
      expect(await waiting).toBe(true);
      expect(loopback.told).toMatchObject({ status: "active" });
    } finally {
      await act(loopback, "resume");
      await sql.end({ timeout: 0 });
    }
  });

  test("stopped and started it has its data; killed it comes back by itself, stopped it does not", async () => {
    const credentials = await loopback.relate(11, "lasting");
    await ask(credentials, "CREATE TABLE things AS SELECT 42 AS answer");
    await act(loopback, "stop-server");
    expect(loopback.told).toMatchObject({ status: "blocked", message: "Stopped: run action start-server" });
    await expect(ask(credentials, "SELECT")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await act(loopback, "start-server");
    expect(await ask(credentials, "SELECT answer FROM things")).toEqual([{ answer: 42 }]);
    const pid = (await pidOf(loopback)) ?? Number.NaN;
    process.kill(pid, "SIGKILL");
    await until("The server's end", 5000, () => isGone(pid));
    await until("A look that starts it again", 10_000, async () => {
      await loopback.instance.look();
      return loopback.told.status === "active";
    });
    expect(await ask(credentials, "SELECT answer FROM things")).toEqual([{ answer: 42 }]);
    await act(loopback, "stop-server");
    await loopback.instance.look();
    expect(loopback.told).toMatchObject({ status: "blocked", message: "Stopped: run action start-server" });
    await act(loopback, "start-server");
  });

  test("frozen by another hand than its action, it does not stay active", async () => {
    const pid = (await pidOf(loopback)) ?? Number.NaN;
    process.kill(pid, "SIGSTOP");
    try {
      await until("A look that sees it", 5000, async () => {
        await loopback.instance.look();
        return loopback.told.status === "blocked";
      });
      expect(loopback.told.message).toBe("Paused: run action resume");
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await until("A look that sees it go on", 5000, async () => {
      await loopback.instance.look();
      return loopback.told.status === "active";
    });
  });

  test("runs as nobody of this host, in files that only root reaches", async () => {
    const status = readFileSync(`/proc/${await pidOf(loopback)}/status`, "utf8");
    expect(status).toMatch(new RegExp(`^Uid:\\s+${SERVER_UID}\\s+${SERVER_UID}`, "m"));
    expect(status).toMatch(/^CapEff:\s+0+$/m);
    expect(readFileSync("/etc/passwd", "utf8")).not.toContain(`:${SERVER_UID}:`);
    expect((await stat(join(loopback.directory, "cluster"))).mode & 0o777).toBe(0o700);
    expect((await stat(join(loopback.directory, "passwords.json"))).mode & 0o777).toBe(0o600);
  });
});

describe.skipIf(!isRoot)("options of postgresql", () => {
  test("TLS with a CA of its own, more connections and a dead standby, changed while it runs", async () => {
    const loopback = await Loopback.start();
    try {
      const plain = await loopback.relate(1, "concourse");
      expect(plain.ca).toBeNull();
      await loopback.instance.start({
        "plugin-tls": true,
        "plugin-extra-endpoints": "dead",
        "experimental-max-connections": 321,
      });
      const secure = loopback.credentials(1);
      const query = "SELECT current_setting('ssl') AS ssl, current_setting('max_connections') AS connections";
      expect(await ask(secure, query)).toEqual([{ ssl: "on", connections: "321" }]);
      await expect(ask(plain, "SELECT")).rejects.toMatchObject({ code: "28000" });
      const bag = loopback.relations.get(1)?.appData() ?? {};
      expect(bag["endpoints"]).toBe(`127.0.0.2:${loopback.port},127.0.0.1:${loopback.port}`);
      expect(loopback.content(bag["secret-user"])["uris"]).toContain(`@${bag["endpoints"]}/concourse`);
    } finally {
      await loopback.destroy();
    }
  });
});

describe.skipIf(!isRoot)("a port that is taken", () => {
  test("is told in the status, and forgotten once it is free", async () => {
    const loopback = new Loopback(await mkdtemp(join(tmpdir(), "postgresql-")), await freePort());
    const squatter = createServer();
    try {
      squatter.listen(loopback.port, "127.0.0.1");
      await once(squatter, "listening");
      await expect(loopback.instance.start({})).rejects.toThrow(/Address already in use/);
      expect(loopback.told).toMatchObject({ status: "blocked", message: "PostgreSQL does not start: see debug-log" });
      squatter.close();
      await once(squatter, "close");
      await loopback.instance.start({});
      expect(loopback.told).toMatchObject({ status: "active" });
    } finally {
      squatter.close();
      await loopback.destroy();
    }
  });
});

describe.skipIf(!isRoot)("the server", () => {
  test("is found again, not restarted, after its starter was killed; destroyed, it leaves nothing", async () => {
    const loopback = new Loopback(await mkdtemp(join(tmpdir(), "postgresql-")), 0);
    const settings = { address: "127.0.0.1", port: await freePort(), tls: false, maxConnections: 20 };
    const program = `
      import { Server } from ${JSON.stringify(join(import.meta.dirname, "server.ts"))};
      await new Server(${JSON.stringify(loopback.directory)}, []).start(${JSON.stringify(settings)});
      console.log("up");
      setInterval(() => {}, 1000);`;
    const starter = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(starter.stdout, "data");
      const before = await pidOf(loopback);
      expect(before).not.toBeNull();
      starter.kill("SIGKILL");
      await once(starter, "exit");
      const found = new Server(loopback.directory, []);
      await found.start(settings);
      expect(await found.pid()).toBe(before);
      const processes = await processesOn(join(loopback.directory, "cluster", "data"));
      expect(processes.length).toBeGreaterThan(1);
      await found.destroy();
      expect(await Promise.all(processes.map(isGone))).not.toContain(false);
      expect(await readdir(loopback.directory)).toEqual([]);
      expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(loopback.directory);
    } finally {
      starter.kill("SIGKILL");
      await loopback.destroy();
    }
  });

  test("that cannot start says why at once", async () => {
    const directory = await mkdtemp(join(tmpdir(), "postgresql-"));
    const server = new Server(directory, []);
    try {
      const start = server.start({ address: "192.0.2.1", port: 5432, tls: false, maxConnections: 20 });
      await expect(start).rejects.toThrow(/did not start: .*could not/s);
    } finally {
      await server.destroy();
      await rm(directory, { recursive: true });
    }
  });

  test("whose set-up was cut off half-way is made anew", async () => {
    const directory = await mkdtemp(join(tmpdir(), "postgresql-"));
    const server = new Server(directory, []);
    const settings = { address: "127.0.0.1", port: await freePort(), tls: false, maxConnections: 20 };
    try {
      await server.start(settings);
      await server.stop();
      await rm(join(directory, "cluster", "created"));
      await rm(join(directory, "cluster", "data", "global"), { recursive: true });
      await server.start(settings);
      expect(await server.with("postgres", (sql) => sql`SELECT 1 AS one`)).toMatchObject([{ one: 1 }]);
    } finally {
      await server.destroy();
      await rm(directory, { recursive: true });
    }
  });

  test("listens in the model's network only", async () => {
    const name = `pg-test-${process.pid}`;
    const directory = await mkdtemp(join(tmpdir(), "postgresql-"));
    const server = new Server(directory, ["nsenter", `--net=/run/netns/${name}`]);
    const port = await freePort();
    const ip = (...words: string[]) => expect(spawnSync("ip", words).status).toBe(0);
    try {
      ip("netns", "add", name);
      ip("-n", name, "link", "set", "lo", "up");
      await server.start({ address: "127.0.0.1", port, tls: false, maxConnections: 20 });
      expect(await server.with("postgres", (sql) => sql`SELECT 1 AS one`)).toMatchObject([{ one: 1 }]);
      const here = connect(port, "127.0.0.1");
      await expect(once(here, "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
      const inside = spawnSync("nsenter", [
        `--net=/run/netns/${name}`,
        process.execPath,
        "-e",
        `
        require("node:net").connect(${port}, "127.0.0.1").on("connect", () => process.exit(0)).on("error", () => process.exit(1))`,
      ]);
      expect(inside.status).toBe(0);
    } finally {
      await server.destroy();
      spawnSync("ip", ["netns", "del", name]);
      await rm(directory, { recursive: true });
    }
  });
});
