/**
 * Databases, roles and users with the privileges that Charmed PostgreSQL 16 gives them. Facts from
 * postgresql-single-kernel-library 16.3 (utils/postgresql.py: set_up_predefined_catalog_roles_function, create_database,
 * create_user, delete_user, set_up_login_hook_function), which postgresql-operator 16/edge runs:
 *
 * - `charmed_<db>_owner` owns schema `public` and may create in the database (so trusted extensions too); nobody logs in
 *   as it. Its tables and sequences are readable by `charmed_<db>_admin`, and that is all: `charmed_<db>_dml`, despite its
 *   name, is given nothing.
 * - `relation-<id>` is a member of `_admin` and `_dml`. It inherits from `_admin` what that may read; from the owner it
 *   inherits nothing, but may `SET ROLE` to it.
 * - A login hook does that `SET ROLE` at the start of each session of a relation user. A session that has lost the role
 *   (`RESET ROLE`, `DISCARD ALL` of a pooler) or never got it may read, and not write nor create.
 *
 * The hook is a C extension that no package brings. A role setting of the user does the same at login; the one
 * difference is that `RESET ROLE` goes back to the owner, so `SET ROLE NONE` is the way to a plain session here.
 */

import type { Sql } from "./server.ts";

/** Owner of all databases, so that no relation user is one. */
const DATABASES_OWNER = "charmed_databases_owner";
/** Group by which `pg_hba.conf` knows relation users. */
const RELATION_ACCESS = "relation_access";
/** postgresql-single-kernel-library 16.3, compat/postgresql.py. */
const RESERVED = new Set(["databases", "postgres", "template0", "template1"]);
const LONGEST_NAME = 49;

export interface RelationUser {
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export const userOf = (relationId: number): string => `relation-${relationId}`;

/** False for the names that the charm refuses with "invalid database name". */
export function isDatabaseName(database: string): boolean {
  return database.length <= LONGEST_NAME && !RESERVED.has(database);
}

/** What a new server needs once; in `postgres`. Idempotent. */
export async function setUpInstance(sql: Sql): Promise<void> {
  await createRole(sql, DATABASES_OWNER, "CREATEDB");
  await createRole(sql, RELATION_ACCESS, "");
  await sql.unsafe("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC");
}

/** Creates the database if it is missing; in `postgres`. */
export async function createDatabase(sql: Sql, database: string): Promise<void> {
  const [found] = await sql`SELECT FROM pg_database WHERE datname = ${database}`;
  if (!found) await sql.unsafe(`CREATE DATABASE ${identifier(database)} OWNER ${DATABASES_OWNER}`);
  await sql.unsafe(`REVOKE ALL ON DATABASE ${identifier(database)} FROM PUBLIC`);
}

/** Gives the database its three roles; connected to it. Idempotent. */
export async function setUpDatabase(sql: Sql, database: string): Promise<void> {
  const [owner, admin, dml] = catalogRoles(database);
  await createRole(sql, owner, "");
  await createRole(sql, admin, `NOINHERIT IN ROLE ${identifier(owner)}`);
  await createRole(sql, dml, "");
  const defaults = `ALTER DEFAULT PRIVILEGES FOR ROLE ${identifier(owner)}`;
  await sql.unsafe(`
    REVOKE CREATE ON DATABASE ${identifier(database)} FROM ${DATABASES_OWNER};
    ALTER SCHEMA public OWNER TO ${identifier(owner)};
    GRANT CONNECT ON DATABASE ${identifier(database)} TO ${identifier(admin)}, ${DATABASES_OWNER};
    GRANT CREATE, TEMPORARY ON DATABASE ${identifier(database)} TO ${identifier(owner)};
    ${defaults} GRANT SELECT ON TABLES TO ${identifier(admin)};
    ${defaults} GRANT SELECT ON SEQUENCES TO ${identifier(admin)};
    ${defaults} GRANT EXECUTE ON FUNCTIONS TO ${identifier(admin)};
  `);
}

/**
 * Creates the user if it is missing, with `hook` so that its sessions start as the owner; sets its password. Whatever
 * else an existing user has is left alone: it may have changed its own settings.
 */
export async function createUser(sql: Sql, { user, password, database }: RelationUser, hook: boolean): Promise<void> {
  const [owner, admin, dml] = catalogRoles(database);
  const groups = [admin, dml, RELATION_ACCESS].map(identifier).join(", ");
  const created = await createRole(sql, user, `IN ROLE ${groups}`);
  await sql.unsafe(`ALTER ROLE ${identifier(user)} LOGIN PASSWORD ${literal(password)}`);
  if (!created || !hook) return;
  await sql.unsafe(`ALTER ROLE ${identifier(user)} IN DATABASE ${identifier(database)} SET role = ${literal(owner)}`);
}

/**
 * First half of removing a user, connected to a database: what it owns there goes to the superuser, its grants go.
 * So a table that a plain session made is lost to the application's next user: as with the charm.
 */
export async function disown(sql: Sql, user: string): Promise<void> {
  if (!(await roleExists(sql, user))) return;
  await sql.unsafe(`REASSIGN OWNED BY ${identifier(user)} TO CURRENT_USER; DROP OWNED BY ${identifier(user)}`);
}

/** Second half: removes the user; sessions that it has go on until they end by themselves. Idempotent. */
export async function dropUser(sql: Sql, user: string): Promise<void> {
  await sql.unsafe(`DROP ROLE IF EXISTS ${identifier(user)}`);
}

/** Databases that relations may use. */
export async function listDatabases(sql: Sql): Promise<string[]> {
  const rows = await sql<{ datname: string }[]>`
    SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname`;
  return rows.map((row) => row.datname);
}

/** Relation users that exist. */
export async function listUsers(sql: Sql): Promise<string[]> {
  const rows = await sql<{ rolname: string }[]>`
    SELECT rolname FROM pg_roles WHERE rolcanlogin AND pg_has_role(oid, ${RELATION_ACCESS}, 'MEMBER') AND NOT rolsuper`;
  return rows.map((row) => row.rolname);
}

const catalogRoles = (database: string) =>
  [`charmed_${database}_owner`, `charmed_${database}_admin`, `charmed_${database}_dml`] as const;

/** Creates a role if it is missing; true if it did. */
async function createRole(sql: Sql, role: string, options: string): Promise<boolean> {
  if (await roleExists(sql, role)) return false;
  await sql.unsafe(`CREATE ROLE ${identifier(role)} ${options}`);
  return true;
}

async function roleExists(sql: Sql, role: string): Promise<boolean> {
  return (await sql`SELECT FROM pg_roles WHERE rolname = ${role}`).length > 0;
}

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
