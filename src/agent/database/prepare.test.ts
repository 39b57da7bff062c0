import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { issueCertificates } from "../../model/plugins/postgresql/certificates.ts";
import { Loopback } from "../../model/plugins/postgresql/loopback.ts";
import type { Credentials } from "../../model/plugins/postgresql/loopback.ts";
import type { DatabaseOrders } from "../contract.ts";
import { prepareDatabase } from "./prepare.ts";
import { lastTracked } from "./webs.ts";
import { connectPostgres } from "./session.ts";
import type { ConnectDatabase, DatabaseSession } from "./session.ts";

/** Milliseconds for bringing a server up or down beside other work. */
const SLOW_HOST = 60_000;
const DEAD = { host: "127.0.0.2", port: 5432 };

const ordersOf = ({ host, port, user, password, database, ca }: Credentials): DatabaseOrders => ({
  hosts: [{ host, port }],
  user,
  password,
  database,
  ca,
});

/** Runs `work` in a session like one of Concourse's; `plain`: one that has lost the owner's role. */
async function session<T>(orders: DatabaseOrders, plain: boolean, work: (session: DatabaseSession) => Promise<T>) {
  const open = await connectPostgres(orders.hosts.at(-1) ?? DEAD, orders);
  try {
    if (plain) await open.run("SET ROLE NONE");
    return await work(open);
  } finally {
    await open.end();
  }
}

/** Statements of the kinds that Concourse's migrations use (concourse 7.14, atc/db/migration/migrations). */
const MIGRATION = [
  "CREATE TYPE build_status AS ENUM ('pending', 'started')",
  "CREATE TABLE auth_request (id text PRIMARY KEY, expiry timestamptz NOT NULL)",
  "CREATE TABLE builds (id serial PRIMARY KEY, status build_status NOT NULL)",
  "CREATE FUNCTION notify_build() RETURNS trigger AS $$ BEGIN RETURN NEW; END $$ LANGUAGE plpgsql",
  "CREATE TRIGGER notify_build AFTER INSERT ON builds FOR EACH ROW EXECUTE FUNCTION notify_build()",
  "CREATE MATERIALIZED VIEW latest_builds AS SELECT max(id) AS id FROM builds",
];
const LATER_MIGRATION = [
  "ALTER TABLE builds ADD COLUMN sha256 text",
  "UPDATE builds SET sha256 = encode(digest('a', 'sha256'), 'hex')",
];
const USE = [
  "INSERT INTO auth_request VALUES ('login', now())",
  "INSERT INTO builds (status) VALUES ('pending')",
  "SELECT setval('builds_id_seq', 100)",
  "DELETE FROM auth_request",
];

async function runAll(orders: DatabaseOrders, plain: boolean, statements: readonly string[]): Promise<void> {
  await session(orders, plain, async (open) => {
    for (const statement of statements) await open.run(statement);
  });
}

/** Everything that preparing may change in the catalog. */
async function catalog(orders: DatabaseOrders): Promise<unknown> {
  return session(orders, false, (open) =>
    open.run(`
      SELECT 'setting' AS what, setconfig::text AS value, xmin::text FROM pg_db_role_setting UNION ALL
      SELECT 'default', defaclacl::text, xmin::text FROM pg_default_acl UNION ALL
      SELECT relname, relacl::text, xmin::text FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION ALL
      SELECT 'schema', nspacl::text, xmin::text FROM pg_namespace UNION ALL
      SELECT 'extension', extname, xmin::text FROM pg_extension
      ORDER BY 1, 2`),
  );
}

describe.skipIf(process.getuid?.() !== 0)("prepareDatabase on a server with the charm's roles", () => {
  let server: Loopback;
  let relation = 0;
  const relate = async (database: string) => ordersOf(await server.relate((relation += 1), database));

  beforeAll(async () => {
    server = await Loopback.start();
  }, SLOW_HOST);
  afterAll(async () => {
    await server?.destroy();
  }, SLOW_HOST);

  test("without it, a session that lost the owner's role reads and may not write what Concourse created", async () => {
    const orders = await relate("untouched");
    await runAll(orders, false, MIGRATION);
    await runAll(orders, true, ["SELECT * FROM auth_request"]);
    await expect(runAll(orders, true, USE)).rejects.toMatchObject({ code: "42501" });
    await expect(runAll(orders, true, ["CREATE TABLE mine ()"])).rejects.toMatchObject({ code: "42501" });
    await expect(runAll(orders, true, ["CREATE EXTENSION pgcrypto"])).rejects.toMatchObject({ code: "42501" });
  });

  test("what forbids writes is named, and nothing is written", async () => {
    const orders = await relate("read_only");
    await session(orders, true, (open) => open.run("ALTER ROLE CURRENT_USER SET default_transaction_read_only = on"));
    expect(await prepareDatabase(orders)).toMatchObject({
      ready: false,
      problem: { code: "database-read-only", blocked: true, message: expect.stringContaining("takes no writes") },
    });
    await session(orders, true, async (open) => {
      await open.run("SET default_transaction_read_only = off");
      await open.run("ALTER ROLE CURRENT_USER RESET default_transaction_read_only");
    });
    expect(await prepareDatabase(orders)).toMatchObject({ ready: true, problem: null });
  });

  test("what the webs have left there tells whether they work", async () => {
    const orders = await relate("webs");
    const at = orders.hosts[0] ?? DEAD;
    const run = (sql: string) => session(orders, false, (open) => open.run(sql));
    const seen = async (): Promise<unknown> => {
      const { empty, idle } = await prepareDatabase(orders);
      return { empty, idle };
    };
    expect(await seen()).toEqual({ empty: true });
    expect(await lastTracked(at, orders)).toBeNull();
    await run("CREATE TABLE migrations_history (version bigint)");
    expect(await seen()).toEqual({});
    await run("CREATE TABLE components (name text, last_ran timestamptz, paused boolean DEFAULT false)");
    expect(await seen()).toEqual({});
    await run("INSERT INTO components VALUES ('scheduler', now()), ('scanner', now()), ('tracker', null)");
    expect(await seen()).toEqual({});
    expect(await lastTracked(at, orders)).toBe("never");
    await run("UPDATE components SET last_ran = now() - interval '61 seconds'");
    await run("UPDATE components SET last_ran = now() WHERE name = 'tracker'");
    expect(await seen()).toEqual({});
    await run("UPDATE components SET last_ran = now() - interval '61 seconds'");
    expect(await seen()).toEqual({ idle: true });
    await run("UPDATE components SET last_ran = now() WHERE name = 'scanner'");
    expect(await seen()).toEqual({});
    const before = await lastTracked(at, orders);
    await run("UPDATE components SET last_ran = now() WHERE name = 'tracker'");
    expect(await lastTracked(at, orders)).not.toBe(before);
    await run("UPDATE components SET paused = true");
    expect(await seen()).toEqual({});
    expect(await lastTracked(at, orders)).toBeNull();
  });

  test("after it, every session migrates, extends and writes, whoever made the tables", async () => {
    const orders = await relate("concourse");
    expect(await prepareDatabase(orders)).toEqual({ ready: true, ...orders.hosts[0], problem: null, empty: true });
    await runAll(orders, false, MIGRATION);
    await runAll(orders, true, USE);
    await runAll(orders, false, USE);
    await runAll(orders, false, LATER_MIGRATION);
  });

  test("it heals a database that Concourse has migrated before", async () => {
    const orders = await relate("crossgraded");
    await runAll(orders, false, MIGRATION);
    expect(await prepareDatabase(orders)).toMatchObject({ ready: true, problem: null });
    await runAll(orders, true, USE);
  });

  test("it changes nothing the second time, nor when several units do it at once", async () => {
    const orders = await relate("twice");
    await runAll(orders, false, MIGRATION);
    const together = await Promise.all([prepareDatabase(orders), prepareDatabase(orders), prepareDatabase(orders)]);
    expect(together.map(({ ready }) => ready)).toEqual([true, true, true]);
    const before = await catalog(orders);
    expect(await prepareDatabase(orders)).toMatchObject({ ready: true, problem: null });
    expect(await catalog(orders)).toEqual(before);
  });

  test("the next user of the database finds everything in its reach", async () => {
    const first = await relate("inherited");
    await prepareDatabase(first);
    await runAll(first, false, MIGRATION);
    await server.unrelate(relation);
    const second = await relate("inherited");
    expect(second.user).not.toBe(first.user);
    expect(await prepareDatabase(second)).toMatchObject({ ready: true, problem: null });
    await runAll(second, true, USE);
    await runAll(second, false, LATER_MIGRATION);
  });

  test.each(["we\"ird 'name", "Ünïcode-Ω", "%s;--", "back\\slash", "a".repeat(49)])("database %j", async (database) => {
    const orders = await relate(database);
    expect(await prepareDatabase(orders)).toMatchObject({ ready: true, problem: null });
    await runAll(orders, false, MIGRATION);
    await runAll(orders, true, USE);
  });

  test("the first host that answers and is no standby is taken", async () => {
    const orders = await relate("several");
    const standby: ConnectDatabase = async (at, given) => {
      const real = await connectPostgres(orders.hosts[0] ?? at, given);
      if (at.host !== "standby.example") return real;
      return { ...real, run: async (sql) => (/recovery/.test(sql) ? [{ standby: true }] : real.run(sql)) };
    };
    const hosts = [{ host: "standby.example", port: 5432 }, ...orders.hosts];
    expect(await prepareDatabase({ ...orders, hosts }, standby)).toMatchObject({ ready: true, ...orders.hosts[0] });
    expect(await prepareDatabase({ ...orders, hosts: [DEAD, ...orders.hosts] })).toMatchObject({
      ready: true,
      ...orders.hosts[0],
    });
    const none = await prepareDatabase({ ...orders, hosts: [DEAD, ...hosts.slice(0, 1)] }, (at, given) =>
      at === DEAD ? connectPostgres(at, given) : standby(at, given),
    );
    expect(none).toMatchObject({ ready: false, host: "standby.example", problem: { code: "database-standby" } });
  });

  test("each fault has its own problem", async () => {
    const orders = await relate("faults");
    const code = async (changes: Partial<DatabaseOrders>) =>
      (await prepareDatabase({ ...orders, ...changes })).problem?.code;
    expect(await code({ hosts: [DEAD] })).toBe("database-unreachable");
    expect(await code({ hosts: [] })).toBe("database-unreachable");
    expect(await code({ password: "wrong" })).toBe("database-password");
    expect(await code({ hosts: [...orders.hosts, DEAD], password: "wrong" })).toBe("database-password");
    expect(await code({ user: "nobody" })).toBe("database-access");
    expect(await code({ database: "absent" })).toBe("database-missing");
    expect(await code({ database: "postgres" })).toBe("database-rights");
  });

  test("tables of somebody else are named", async () => {
    const orders = await relate("strangers");
    const { run, end } = await superuser(server, "strangers");
    await run("CREATE TABLE builds ()");
    await end();
    const found = await prepareDatabase(orders);
    expect(found).toMatchObject({ ready: false, problem: { code: "database-rights", blocked: true } });
    expect(found.problem?.message).toMatch(/belong to operator/);
  });

  test("a missing extension is told, and stops nobody who does not need it", async () => {
    const orders = await relate("extensionless");
    const refusing: ConnectDatabase = async (at, given) => {
      const real = await connectPostgres(at, given);
      return { ...real, run: (sql, ...rest) => real.run(sql.replace("EXISTS pgcrypto", "EXISTS file_fdw"), ...rest) };
    };
    const found = await prepareDatabase(orders, refusing);
    expect(found).toMatchObject({ ready: true, problem: { code: "database-extension" } });
    await runAll(orders, false, [...MIGRATION, ...USE]);
  });

  test("a frozen server is given up, one that is gone is found again", async () => {
    const orders = await relate("frozen");
    await server.instance.actions["pause"]?.({});
    try {
      expect(await prepareDatabase(orders)).toMatchObject({
        ready: false,
        problem: { code: "database-unreachable", blocked: false },
      });
    } finally {
      await server.instance.actions["resume"]?.({});
    }
    await server.instance.actions["stop-server"]?.({});
    expect(await prepareDatabase(orders)).toMatchObject({ ready: false, problem: { code: "database-unreachable" } });
    await server.instance.actions["start-server"]?.({});
    expect(await prepareDatabase(orders)).toMatchObject({ ready: true });
  });
});

describe.skipIf(process.getuid?.() !== 0)(
  "prepareDatabase on a server with TLS, no login hook, awkward passwords",
  () => {
    let server: Loopback;
    let orders: DatabaseOrders;

    beforeAll(async () => {
      server = await Loopback.start({
        "plugin-tls": true,
        "plugin-login-hook": false,
        "plugin-awkward-passwords": true,
      });
      orders = ordersOf(await server.relate(1, "concourse"));
    });
    afterAll(async () => {
      await server.destroy();
    });

    test("no session may create anything before, all may afterwards", async () => {
      await expect(runAll(orders, false, MIGRATION)).rejects.toMatchObject({ code: "42501" });
      expect(await prepareDatabase(orders)).toMatchObject({ ready: true, problem: null });
      await runAll(orders, false, MIGRATION);
      await runAll(orders, true, USE);
    });

    test("another CA is refused, and so are we without any", async () => {
      const { ca } = issueCertificates("127.0.0.1", Date.now());
      expect(await prepareDatabase({ ...orders, ca })).toMatchObject({ problem: { code: "database-tls" } });
      const withoutCa = { ...orders, ca: null };
      expect(await prepareDatabase(withoutCa)).toMatchObject({ problem: { code: "database-access" } });
      // Who says TLS and shows no CA is spoken to with TLS: this server takes nothing else.
      expect(await prepareDatabase({ ...withoutCa, tls: true })).toMatchObject({ ready: true, problem: null });
    });
  },
);

describe("connecting to what is no PostgreSQL", () => {
  const servers: Server[] = [];
  const listen = async (talk: (socket: Socket) => void) => {
    const listening = createServer((socket) => {
      socket.on("error", () => undefined);
      talk(socket);
    });
    servers.push(listening);
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    return { host: "127.0.0.1", port: (listening.address() as AddressInfo).port };
  };
  afterAll(() => {
    for (const listening of servers) listening.close();
  }, SLOW_HOST);
  const orders = { user: "u", password: "p", database: "d", ca: null };

  test("what is said to be TLS and is not gets no word in clear", async () => {
    const heard: Buffer[] = [];
    const refusesTls = await listen((socket) => {
      socket.once("data", () => socket.write("N"));
      socket.on("data", (bytes) => heard.push(bytes));
    });
    const found = await prepareDatabase({ ...orders, user: "somebody", hosts: [refusesTls], tls: true });
    expect(found).toMatchObject({ ready: false, problem: { code: "database-tls" } });
    expect(Buffer.concat(heard).toString("latin1")).not.toMatch(/somebody|concourse-agent/);
    expect(found.problem?.message).toContain("takes no TLS, and its relation says TLS: see juju status");
  });

  test("a port that says nothing, hangs up, talks another language or refuses TLS", async () => {
    const hangsUp = await listen((socket) => socket.end());
    const talksHttp = await listen((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const refusesTls = await listen((socket) => socket.once("data", () => socket.end("N")));
    const { ca } = issueCertificates("127.0.0.1", Date.now());
    const found = await Promise.all([
      prepareDatabase({ ...orders, hosts: [hangsUp] }),
      prepareDatabase({ ...orders, hosts: [talksHttp] }),
      prepareDatabase({ ...orders, hosts: [refusesTls], ca }),
    ]);
    expect(found.map(({ ready }) => ready)).toEqual([false, false, false]);
    expect(found[2]?.problem?.code).toMatch(/database-(tls|unreachable)/);
  });
});

test("messages are one line of at most 110 characters, whatever the names and errors", async () => {
  const codes = [
    "28P01",
    "28000",
    "3D000",
    "42501",
    "53300",
    "57P03",
    "57014",
    "ECONNREFUSED",
    "standby",
    "CERT_HAS_EXPIRED",
  ];
  const text = fc.string({ minLength: 1, maxLength: 80 });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...codes),
      text,
      text,
      text,
      fc.boolean(),
      async (code, host, user, database, tls) => {
        const failing: ConnectDatabase = () => Promise.reject(Object.assign(new Error("refused"), { code }));
        const orders = { hosts: [{ host, port: 5432 }], user, password: "secret", database, ca: tls ? "pem" : null };
        const { ready, problem } = await prepareDatabase(orders, failing);
        expect(ready).toBe(false);
        expect(problem?.message.length).toBeLessThanOrEqual(110);
        expect(problem?.message).toMatch(/^.+: .+$/s);
      },
    ),
  );
});

/** The server's own socket, as only the plug-in reaches it. */
async function superuser(server: Loopback, database: string) {
  const { default: postgres } = await import("postgres");
  const { findServer } = await import("../../model/plugins/postgresql/processes.ts");
  const pid = await findServer(`${server.directory}/cluster/data`);
  const path = `/proc/${pid}/root/mnt/cluster/.s.PGSQL.${server.port}`;
  const sql = postgres({ path, username: "operator", database, max: 1 });
  return { run: (text: string) => sql.unsafe(text), end: () => sql.end() };
}
