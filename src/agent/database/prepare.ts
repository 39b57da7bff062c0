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

import type { AgentState, DatabaseOrders, Problem } from "../contract.ts";
import { explain, name, NO_HOST, problem, ReadOnly, Standby } from "./problems.ts";
import { lookAtWebs } from "./webs.ts";
import { grantRights, hasExtension } from "./rights.ts";
import { connectPostgres, withSession, type ConnectDatabase, type DatabaseSession, type Host } from "./session.ts";

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
      const found = await withSession(at, orders, connect, async (session) => ({
        problem: await verify(session, orders),
        ...(await lookAtWebs(session)),
      }));
      return { ready: found.problem === null || found.problem.code === "database-extension", ...at, ...found };
    } catch (error) {
      const problem = explain(error, at, orders);
      if (worst === null || worst.problem.code === "database-unreachable") worst = { at, problem };
    }
  }
  if (worst === null) return { ready: false, host: "", port: 0, problem: NO_HOST };
  return { ready: false, ...worst.at, problem: worst.problem };
}

async function putRight(at: Host, orders: DatabaseOrders, connect: ConnectDatabase): Promise<void> {
  await withSession(at, orders, connect, async (session) => {
    const [server] = await session.run(
      "SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') AS read_only",
    );
    if (server?.["standby"] === true) throw new Standby();
    if (server?.["read_only"] === "on") throw new ReadOnly();
    await grantRights(session);
  });
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

/** A table of an extension belongs to whoever made the extension; everything else must be the session's to alter. */
const VERIFY = `
  SELECT has_schema_privilege('public', 'CREATE') AS may_create, (
    SELECT r.rolname::text FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND NOT pg_has_role(c.relowner, 'USAGE')
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
    ORDER BY 1 LIMIT 1) AS stranger`;
