/** Which rights are missing in the database, and the statements that grant them. */
import { codeOf, isSqlState, type DatabaseSession, type Row } from "./session.ts";

/** Any fixed number: units of one application prepare the same catalog rows, one after the other. */
const ADVISORY_LOCK = 4_715_017;

interface Roles {
  /** Owner of the database's objects that the user may become, or null where the provider makes no such role. */
  readonly owner: string | null;
  /** Who gets at the owner's objects without becoming it. */
  readonly target: string;
}

/** Looks without writing first: a database that is as it should be is not touched. */
export async function grantRights(session: DatabaseSession): Promise<void> {
  const [row] = await session.run(ROLES);
  const roles = row as unknown as Roles;
  if ((await missingRights(session, roles)).length > 0) {
    await inTransaction(session, async () => {
      for (const statement of await missingRights(session, roles)) await session.run(statement);
    });
  }
  if (!(await hasExtension(session))) await createExtension(session, roles);
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

export async function hasExtension(session: DatabaseSession): Promise<boolean> {
  return (await session.run("SELECT FROM pg_extension WHERE extname = 'pgcrypto'")).length > 0;
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

const setRole = (role: string): string => `SET LOCAL ROLE "${role.replaceAll('"', '""')}"`;
