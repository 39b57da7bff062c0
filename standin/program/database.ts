/** The connection to PostgreSQL and the migrations (concourse/concourse, atc/db/open.go, atc/db/migration/migration.go). */

import { readFileSync } from "node:fs";
import { checkServerIdentity, type ConnectionOptions } from "node:tls";
import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { Failure } from "./failure.ts";
import { messageOf } from "./log.ts";
import type { Settings } from "./settings.ts";
import { AT_LEAST_8_0, MIGRATION, MIGRATIONS } from "./version.ts";
import { HISTORY_TABLE, SCHEMA, type Direction } from "./web/schema.ts";

export type Sql = postgres.Sql;

/** Advisory lock under which migrations run (atc/db/lock/lock.go, LockTypeDatabaseMigration). */
const MIGRATION_LOCK = 5;
const LOCK_POLL_MS = 1000;
/** 8.0 and newer try this long at start. */
const RETRY_MS = 30_000;
const RETRY_STEP_MS = 1000;

/** A pool; no connection is made yet. */
export function openDatabase(settings: Settings): Sql {
  return postgres({
    host: settings.text("postgres-socket") || settings.text("postgres-host"),
    port: settings.number("postgres-port"),
    user: settings.text("postgres-user") || "root",
    password: settings.text("postgres-password"),
    database: settings.text("postgres-database"),
    ssl: tlsOptions(settings),
    connect_timeout: Math.ceil(settings.duration("postgres-connect-timeout") / 1000),
    connection: { application_name: settings.text("postgres-application-name") || "concourse" },
    max: 10,
    onnotice: () => undefined,
  });
}

/** libpq's meaning of the modes, as pgx keeps it: `require` with a CA certificate verifies it. */
function tlsOptions(settings: Settings): false | ConnectionOptions {
  const mode = settings.text("postgres-sslmode");
  if (mode === "disable") return false;
  const read = (name: string) =>
    settings.has(name) ? { [TLS_NAMES[name] ?? ""]: readFileSync(settings.text(name)) } : {};
  const files = { ...read("postgres-ca-cert"), ...read("postgres-client-cert"), ...read("postgres-client-key") };
  const host = settings.text("postgres-host");
  return {
    ...files,
    rejectUnauthorized: mode !== "require" || settings.has("postgres-ca-cert"),
    checkServerIdentity: (_name, certificate) =>
      mode === "verify-full" ? checkServerIdentity(host, certificate) : undefined,
  };
}

const TLS_NAMES: Readonly<Record<string, string>> = {
  "postgres-ca-cert": "ca",
  "postgres-client-cert": "cert",
  "postgres-client-key": "key",
};

/**
 * Resolves once the database answers. 7.14 tries once, newer ones for 30 s.
 *
 * @throws Failure naming what the server or the network said.
 */
export async function connect(sql: Sql, settings: Settings): Promise<void> {
  const until = performance.now() + (AT_LEAST_8_0 ? RETRY_MS : 0);
  for (;;) {
    try {
      await sql`SELECT 1`;
      return;
    } catch (error) {
      // The server answered and refused: trying again changes nothing.
      const answered = error instanceof postgres.PostgresError && !(error.code ?? "").startsWith("57P");
      if (answered || performance.now() >= until)
        throw new Failure(`failed to connect to database: ${describe(error, settings)}`);
      await delay(RETRY_STEP_MS);
    }
  }
}

function describe(error: unknown, settings: Settings): string {
  const host = settings.text("postgres-host");
  const target = `\`user=${settings.text("postgres-user") || "root"} database=${settings.text("postgres-database")}\``;
  const address = `${host}:${settings.text("postgres-port")} (${host})`;
  if (error instanceof postgres.PostgresError) {
    return `failed to connect to ${target}: ${address}: server error: ${serverText(error)}`;
  }
  const { code = "" } = error as NodeJS.ErrnoException;
  const port = settings.text("postgres-port");
  const causes: Readonly<Record<string, string>> = {
    ECONNREFUSED: `${address}: dial error: dial tcp ${host}:${port}: connect: connection refused`,
    ENOTFOUND: `hostname resolving error: lookup ${host}: no such host`,
    ECONNRESET: `${address}: tls error: server refused TLS connection`,
  };
  return `failed to connect to ${target}: ${causes[code] ?? `${address}: ${messageOf(error)}`}`;
}

const serverText = (error: postgres.PostgresError): string =>
  `${error.severity}: ${error.message} (SQLSTATE ${error.code})`;

/**
 * The migration that the database stands at, 0 for an empty one. The way down is written into the history as the migration
 * that was taken back: whoever does not know that one takes it for the one that is there, as upstream does.
 */
export async function currentVersion(sql: Sql): Promise<number> {
  const [table] = await sql`SELECT to_regclass('migrations_history') AS name`;
  if (table?.["name"] === null) return 0;
  const [row] = await sql`
    SELECT version, direction FROM migrations_history WHERE status <> 'failed' ORDER BY tstamp DESC LIMIT 1`;
  const version = Number(row?.["version"] ?? 0);
  const at = MIGRATIONS.indexOf(version);
  return row?.["direction"] === "down" && at > 0 ? (MIGRATIONS[at - 1] ?? 0) : version;
}

/**
 * Brings the schema up to what this version supports; a newer schema is left as it is, without complaint. Several
 * webs may start at once: the others wait for the one that holds the lock.
 *
 * @throws Failure with what the server said.
 */
export async function migrateDatabase(sql: Sql, target: number = MIGRATION): Promise<void> {
  const session = await sql.reserve();
  try {
    while (!(await tryLock(session))) await delay(LOCK_POLL_MS);
    try {
      await migrateLocked(session, target);
    } finally {
      await session`SELECT pg_advisory_unlock(${MIGRATION_LOCK})`;
    }
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) throw error;
    throw new Failure(`failed to connect to database: ${serverText(error)}`);
  } finally {
    session.release();
  }
}

async function migrateLocked(session: Sql, target: number): Promise<void> {
  await session.unsafe(HISTORY_TABLE);
  const current = await currentVersion(session);
  const up = MIGRATIONS.filter((version) => current < version && version <= target);
  const down = MIGRATIONS.filter((version) => target < version && version <= current);
  for (const version of up) await migrate(session, version, "up");
  for (const version of down.toReversed()) await migrate(session, version, "down");
}

async function tryLock(session: Sql): Promise<boolean> {
  const [row] = await session`SELECT pg_try_advisory_lock(${MIGRATION_LOCK}) AS locked`;
  return row?.["locked"] === true;
}

async function migrate(session: Sql, version: number, direction: Direction): Promise<void> {
  try {
    await session.unsafe("BEGIN");
    await session.unsafe(SCHEMA[version]?.[direction] ?? "");
    await record(session, version, direction, "passed");
    await session.unsafe("COMMIT");
  } catch (error) {
    await session.unsafe("ROLLBACK");
    await record(session, version, direction, "failed");
    throw new Failure(
      `failed to connect to database: migration '${version}' failed and was rolled back: ${messageOf(error)}`,
    );
  }
}

async function record(session: Sql, version: number, direction: Direction, status: string): Promise<void> {
  await session`
    INSERT INTO migrations_history (version, tstamp, direction, status, dirty)
    VALUES (${version}, current_timestamp, ${direction}, ${status}, false)`;
}
