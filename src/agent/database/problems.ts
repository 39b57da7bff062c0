/** What is wrong with a database, in the words of the status line. */
import { sslMode } from "../../concourse/settings.ts";
import type { DatabaseOrders, Problem } from "../contract.ts";
import { codeOf, isSqlState, type Host } from "./session.ts";

/** Status lines are cut at the terminal's edge: what to do must still be readable. */
const LONGEST_MESSAGE = 110;
const LONGEST_NAME = 28;
const LONGEST_HOST = 40;

const WAIT = "its charm may be adding it; see juju status";
const REJOIN = "if it stays so, remove the relation and add it again";
export const NO_HOST = problem(
  "database-unreachable",
  false,
  "PostgreSQL tells no host yet",
  "see juju status --relations",
);

/** The server takes no writes. */
export class Standby extends Error {
  readonly code = "standby";
}

/** Whoever looks after the server has forbidden writes, for this database, this user, or all of them. */
export class ReadOnly extends Error {
  readonly code = "read-only";
}

/** SQLSTATEs of PostgreSQL 16, appendix A; codes of Node's sockets and of TLS. */
export function explain(error: unknown, at: Host, orders: DatabaseOrders): Problem {
  const { user, database, ca } = orders;
  const inClear = sslMode(orders) === "disable";
  const code = codeOf(error);
  const server = `PostgreSQL ${clip(at.host, LONGEST_HOST)}:${at.port}`;
  switch (code) {
    case "standby":
      return problem("database-standby", false, `${server} is a standby, no primary is told`, "see juju status");
    case "TLS_REFUSED":
      return problem("database-tls", false, `${server} takes no TLS, and its relation says TLS`, "see juju status");
    case "read-only":
      return problem("database-read-only", true, `${server} takes no writes`, "turn default_transaction_read_only off");
    case "28P01":
      return problem("database-password", false, `PostgreSQL refuses the password of ${name(user)}`, REJOIN);
    case "28000":
      return problem(
        "database-access",
        false,
        `PostgreSQL has no rule to let ${name(user)} in${inClear ? " without TLS" : ""}`,
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

export function problem(code: string, blocked: boolean, cause: string, next: string): Problem {
  return { code, blocked, message: clip(`${cause}: ${next}`, LONGEST_MESSAGE) };
}

export const name = (text: string): string => clip(text, LONGEST_NAME);

function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
