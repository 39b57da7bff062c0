/**
 * Makes the related database fit for Concourse before its first start, and says whether it is.
 *
 * Charmed PostgreSQL 16 gives `relation-<id>` a database where role `charmed_<db>_owner` owns schema `public`, and a
 * login hook that turns each of its sessions into that owner's. A session without the role may only read what the owner
 * made: Concourse then migrates, and nobody can log in (postgresql-single-kernel-library 16.3, utils/postgresql.py:
 * set_up_predefined_catalog_roles_function, set_up_login_hook_function). So, once for each user and database:
 *
 * 1. as the user:  ALTER ROLE <user> IN DATABASE <db> SET role = '<owner>', so that every session starts as the owner;
 * 2. as the owner: default privileges and grants on what is there for role `charmed_<db>_dml` (which the charm creates,
 *    grants to the user, and gives nothing), so that a session that dropped the role may still read and write;
 * 3. as the owner: CREATE EXTENSION pgcrypto, which migrations of Concourse 8.0 and later want (trusted since PostgreSQL 13).
 *
 * The user itself is never given CREATE: what it owned would go to the charm's superuser with the relation, and be lost
 * to the next one. A provider without these roles gets step 3 only. What is in place already is not touched.
 */

import { once } from "node:events";
import { createConnection } from "node:net";
import type { Socket } from "node:net";
import postgres from "postgres";
import type { AgentState, DatabaseOrders, Problem } from "./contract.ts";

type Host = DatabaseOrders["hosts"][number];
type Row = Readonly<Record<string, unknown>>;

/** One connection. Parameters are `$1`, `$2`, … */
export interface DatabaseSession {
  run(sql: string, ...parameters: readonly string[]): Promise<readonly Row[]>;
  end(): Promise<void>;
}

/** Opens one connection, or rejects with an error that carries a `code`: PostgreSQL's SQLSTATE, or Node's. */
export type ConnectDatabase = (host: Host, orders: DatabaseOrders) => Promise<DatabaseSession>;

const CONNECT_SECONDS = 3;
const ANSWER_MS = 10_000;
/** Status lines are cut at the terminal's edge: what to do must still be readable. */
const LONGEST_MESSAGE = 110;
const LONGEST_NAME = 28;
const LONGEST_HOST = 40;
/** Any fixed number: units of one application prepare the same catalog rows, one after the other. */
const ADVISORY_LOCK = 4_715_017;

/**
 * Prepares the first host that takes connections and is no standby. Never rejects for anything a database does: what is
 * wrong is in `problem`. `ready` with the problem `database-extension`: only Concourse 8.0 and later need it solved.
 */
export async function prepareDatabase(
  orders: DatabaseOrders,
  connect: ConnectDatabase = connectPostgres,
): Promise<NonNullable<AgentState["database"]>> {
  let worst: { at: Host; problem: Problem } | null = null;
  for (const at of orders.hosts) {
    try {
      await putRight(at, orders, connect);
      const problem = await withSession(at, orders, connect, (session) => verify(session, orders));
      return { ready: problem === null || problem.code === "database-extension", ...at, problem };
    } catch (error) {
      const problem = explain(error, at, orders);
      if (worst === null || worst.problem.code === "database-unreachable") worst = { at, problem };
    }
  }
  if (worst === null) return { ready: false, host: "", port: 0, problem: NO_HOST };
  return { ready: false, ...worst.at, problem: worst.problem };
}

const WAIT = "its charm may be adding it; see juju status";
const REJOIN = "if it stays so, remove the relation and add it again";
const NO_HOST = problem("database-unreachable", false, "PostgreSQL tells no host yet", "see juju status --relations");

class Standby extends Error {
  readonly code = "standby";
}

interface Roles {
  /** Owner of the database's objects that the user may become, or null where the provider makes no such role. */
  readonly owner: string | null;
  /** Who gets at the owner's objects without becoming it. */
  readonly target: string;
}

/** Looks without writing first: a database that is as it should be is not touched. */
async function putRight(at: Host, orders: DatabaseOrders, connect: ConnectDatabase): Promise<void> {
  await withSession(at, orders, connect, async (session) => {
    const [server] = await session.run("SELECT pg_is_in_recovery() AS standby");
    if (server?.["standby"] === true) throw new Standby();
    const [row] = await session.run(ROLES);
    const roles = row as unknown as Roles;
    if ((await missingRights(session, roles)).length > 0) {
      await inTransaction(session, async () => {
        for (const statement of await missingRights(session, roles)) await session.run(statement);
      });
    }
    if (!(await hasExtension(session))) await createExtension(session, roles);
  });
}

/** The statements that are still to run, in order. The server quotes the names in them. */
async function missingRights(session: DatabaseSession, { owner, target }: Roles): Promise<string[]> {
  if (owner === null) return [];
  const asUser = await session.run(ROLE_SETTING, owner);
  const asOwner = [
    ...(await session.run(DEFAULT_RIGHTS, owner, target)),
    ...(await session.run(RIGHTS, owner, target)),
  ];
  const text = (rows: readonly Row[]) => rows.map((row) => String(row["statement"]));
  return [
    ...(asUser.length > 0 ? ["SET LOCAL ROLE NONE", ...text(asUser)] : []),
    ...(asOwner.length > 0 ? [setRole(owner), ...text(asOwner)] : []),
  ];
}

/** A refusal is no error here: `verify` names what is missing, and not every version of Concourse misses it. */
async function createExtension(session: DatabaseSession, { owner }: Roles): Promise<void> {
  try {
    await inTransaction(session, async () => {
      if (owner !== null) await session.run(setRole(owner));
      await session.run("CREATE EXTENSION IF NOT EXISTS pgcrypto");
    });
  } catch (error) {
    if (!isSqlState(codeOf(error))) throw error;
  }
}

async function inTransaction(session: DatabaseSession, work: () => Promise<void>): Promise<void> {
  await session.run("BEGIN");
  try {
    await session.run(`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK})`);
    await work();
    await session.run("COMMIT");
  } catch (error) {
    if (isSqlState(codeOf(error))) await session.run("ROLLBACK");
    throw error;
  }
}

async function hasExtension(session: DatabaseSession): Promise<boolean> {
  return (await session.run("SELECT FROM pg_extension WHERE extname = 'pgcrypto'")).length > 0;
}

/** What Concourse's own sessions would lack; asked in a fresh session, which starts as theirs will. */
async function verify(session: DatabaseSession, { user, database }: DatabaseOrders): Promise<Problem | null> {
  const [row] = await session.run(VERIFY);
  if (row?.["may_create"] !== true) {
    const cause = `${name(user)} may not create tables in ${name(database)}`;
    return problem("database-rights", true, cause, "as superuser: GRANT CREATE ON SCHEMA public");
  }
  if (row["stranger"] !== null) {
    const cause = `Tables of ${name(database)} belong to ${name(String(row["stranger"]))}`;
    return problem("database-rights", true, cause, "run ALTER TABLE … OWNER TO as superuser");
  }
  if (await hasExtension(session)) return null;
  const cause = `No extension pgcrypto in ${name(database)}`;
  return problem("database-extension", true, cause, "as superuser: CREATE EXTENSION pgcrypto");
}

const ROLES = `
  SELECT o.rolname::text AS owner, coalesce(d.rolname, session_user)::text AS target
  FROM (SELECT 'charmed_' || current_database() || '_' AS prefix) AS charmed
  LEFT JOIN pg_roles o ON o.rolname = prefix || 'owner' AND pg_has_role(session_user, o.oid, 'MEMBER')
  LEFT JOIN pg_roles d ON d.rolname = prefix || 'dml' AND pg_has_role(session_user, d.oid, 'USAGE')`;

/** $1 owner. One row if new sessions of the user do not start as the owner by the user's own setting. */
const ROLE_SETTING = `
  SELECT format('ALTER ROLE %I IN DATABASE %I SET role = %L', session_user, current_database(), $1::text) AS statement
  WHERE NOT EXISTS (
    SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole JOIN pg_database d ON d.oid = s.setdatabase
    WHERE r.rolname = session_user AND d.datname = current_database() AND 'role=' || $1::text = ANY (s.setconfig))`;

const WANTED = `(VALUES ('r', 'TABLE', 'SELECT, INSERT, UPDATE, DELETE'), ('S', 'SEQUENCE', 'USAGE, SELECT, UPDATE'))
  AS wanted (type, kind, rights)`;

/** $1 owner, $2 target. What the target does not get yet on whatever the owner will make. */
const DEFAULT_RIGHTS = `
  SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT %s ON %sS TO %I', $1::text, rights, kind, $2::text) AS statement
  FROM ${WANTED}
  WHERE EXISTS (SELECT FROM unnest(string_to_array(rights, ', ')) AS needed WHERE NOT EXISTS (
    SELECT FROM pg_default_acl a JOIN pg_roles r ON r.oid = a.defaclrole, aclexplode(a.defaclacl) AS has
    WHERE r.rolname = $1::text AND a.defaclnamespace = 0 AND a.defaclobjtype::text = type
      AND has.grantee = (SELECT oid FROM pg_roles WHERE rolname = $2::text) AND has.privilege_type = needed))`;

/** $1 owner, $2 target. What the target lacks on what the owner has made already. */
const RIGHTS = `
  SELECT format('GRANT %s ON %s %s TO %I', rights, kind, c.oid::regclass, $2::text) AS statement
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
  JOIN ${WANTED} ON (type = 'S') = (c.relkind = 'S')
  WHERE r.rolname = $1::text AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND EXISTS (SELECT FROM unnest(string_to_array(rights, ', ')) AS needed WHERE NOT CASE type
      WHEN 'S' THEN has_sequence_privilege($2::text, c.oid, needed) ELSE has_table_privilege($2::text, c.oid, needed) END)
  ORDER BY c.oid`;

/** A table of an extension belongs to whoever made the extension; everything else must be the session's to alter. */
const VERIFY = `
  SELECT has_schema_privilege('public', 'CREATE') AS may_create, (
    SELECT r.rolname::text FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND NOT pg_has_role(c.relowner, 'USAGE')
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
    ORDER BY 1 LIMIT 1) AS stranger`;

const setRole = (role: string): string => `SET LOCAL ROLE "${role.replaceAll('"', '""')}"`;

async function withSession<T>(
  at: Host,
  orders: DatabaseOrders,
  connect: ConnectDatabase,
  work: (session: DatabaseSession) => Promise<T>,
): Promise<T> {
  const session = await connect(at, orders);
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}

/**
 * One connection, plain or checked against the CA. Names in the certificate are not compared: an endpoint may be an
 * address that the certificate does not list, and the CA signs for this cluster only (`sslmode=verify-ca`).
 */
export const connectPostgres: ConnectDatabase = async (at, orders) => {
  const options: postgres.Options<Record<string, never>> & { socket: () => Promise<Socket> } = {
    host: at.host,
    port: at.port,
    user: orders.user,
    pass: orders.password,
    database: orders.database,
    ssl: orders.ca === null ? false : { ca: orders.ca, checkServerIdentity: () => undefined },
    max: 1,
    connect_timeout: CONNECT_SECONDS,
    socket: onlyOnce(() => openSocket(at)),
    // Neither prepared statements nor look-ups of types: a pooler in between may not like them.
    prepare: false,
    fetch_types: false,
    onnotice: () => undefined,
    connection: { application_name: "concourse-agent" },
  };
  const sql = postgres(options);
  const session: DatabaseSession = {
    run: (text, ...parameters) => beforeLong(sql.unsafe(text, [...parameters])),
    end: () => sql.end({ timeout: 0 }),
  };
  try {
    await session.run(`SET statement_timeout = ${ANSWER_MS}`);
    return session;
  } catch (error) {
    await session.end();
    throw error;
  }
};

/** The library connects again when a connection is lost; a session that did so would have lost its role and transaction. */
function onlyOnce<T>(open: () => Promise<T>): () => Promise<T> {
  let opened = false;
  return async () => {
    if (opened) throw Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" });
    opened = true;
    return open();
  };
}

async function openSocket({ host, port }: Host): Promise<Socket> {
  const socket = createConnection({ host, port });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(CONNECT_SECONDS * 1000) });
    return socket;
  } catch (error) {
    socket.destroy();
    throw codeOf(error) === "ABORT_ERR" ? Object.assign(new Error("no connection"), { code: "ETIMEDOUT" }) : error;
  }
}

/** A server that was frozen in mid-session answers never; the caller then ends the session. */
async function beforeLong<T>(answer: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = Object.assign(new Error("no answer"), { code: "ETIMEDOUT" });
    timer = setTimeout(() => reject(error), ANSWER_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** SQLSTATEs of PostgreSQL 16, appendix A; codes of Node's sockets and of TLS. */
function explain(error: unknown, at: Host, { user, database, ca }: DatabaseOrders): Problem {
  const code = codeOf(error);
  const server = `PostgreSQL ${clip(at.host, LONGEST_HOST)}:${at.port}`;
  switch (code) {
    case "standby":
      return problem("database-standby", false, `${server} is a standby, no primary is told`, "see juju status");
    case "28P01":
      return problem("database-password", false, `PostgreSQL refuses the password of ${name(user)}`, REJOIN);
    case "28000":
      return problem(
        "database-access",
        false,
        `PostgreSQL has no rule to let ${name(user)} in${ca ? "" : " without TLS"}`,
        WAIT,
      );
    case "3D000":
      return problem("database-missing", true, `PostgreSQL has no database ${name(database)}`, REJOIN);
    case "42501":
      return problem("database-rights", true, `${name(user)} lacks rights in ${name(database)}`, REJOIN);
    case "53300":
      return problem("database-full", false, `${server} has no connection left`, "raise its max-connections");
    case "57P03":
      return problem("database-unreachable", false, `${server} is starting or stopping`, "see juju status");
  }
  if (isSqlState(code)) return problem("database-failed", false, `${server} fails with ${code}`, "see juju debug-log");
  if (ca !== null && /CERT|SIGNATURE|SSL|TLS|ISSUER/.test(code)) {
    return problem("database-tls", false, `${server} does not prove to be of the relation's CA`, "see juju status");
  }
  return problem("database-unreachable", false, `${server} does not answer (${code})`, "see juju status");
}

function problem(code: string, blocked: boolean, cause: string, next: string): Problem {
  return { code, blocked, message: clip(`${cause}: ${next}`, LONGEST_MESSAGE) };
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "unknown error";
}

const isSqlState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code);

const name = (text: string): string => clip(text, LONGEST_NAME);

function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
