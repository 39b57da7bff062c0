/** What the webs have left in their database, as far as it tells whether they work. */
import type { DatabaseOrders } from "../contract.ts";
import { connectPostgres, withSession, type DatabaseSession, type Host } from "./session.ts";

interface Seen {
  readonly empty?: true;
  readonly idle?: true;
}

/** Both are seldom: left out, they cost nothing and change nothing. */
export async function lookAtWebs(session: DatabaseSession): Promise<Seen> {
  const [tables] = await session.run(TABLES);
  if (tables?.["migrated"] !== true) return { empty: true };
  if (tables["counted"] !== true) return {};
  const [components] = await session.run(COMPONENTS);
  return components?.["idle"] === true ? { idle: true } : {};
}

const TABLES = `
  SELECT to_regclass('public.migrations_history') IS NOT NULL AS migrated,
    to_regclass('public.components') IS NOT NULL AS counted`;

/**
 * What starts and follows builds and checks: each is due every ten seconds, and whichever web does it notes when
 * (Concourse 7.14.3 and 8.2.5, atc/component.go, atc/component/coordinator.go). One alone may be at a long piece of work; a paused
 * one stands still by somebody's wish (8.2, `fly pause-component`).
 */
const COMPONENTS = `
  SELECT bool_and(last_ran < now() - interval '60 seconds') AS idle
  FROM components WHERE name IN ('scheduler', 'scanner', 'tracker') AND NOT paused`;

/** When a web last looked for builds to follow, in the server's words; null if nobody is to, or it cannot be asked. */
export async function lastTracked(at: Host, orders: DatabaseOrders): Promise<string | null> {
  try {
    return await withSession(at, orders, connectPostgres, async (session) => {
      const [row] = await session.run(TRACKED);
      const last = row?.["last"];
      return typeof last === "string" ? last : null;
    });
  } catch {
    return null;
  }
}

const TRACKED = `
  SELECT coalesce(last_ran::text, 'never') AS last FROM components WHERE name = 'tracker' AND NOT paused`;
