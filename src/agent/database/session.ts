/** One connection to PostgreSQL, and what is run in it. */
import { once } from "node:events";
import { createConnection } from "node:net";
import type { Socket } from "node:net";
import postgres from "postgres";
import { sslMode } from "../../concourse/settings.ts";
import type { DatabaseOrders } from "../contract.ts";

export type Host = DatabaseOrders["hosts"][number];
export type Row = Readonly<Record<string, unknown>>;

/** One connection. Parameters are `$1`, `$2`, … */
export interface DatabaseSession {
  run(sql: string, ...parameters: readonly string[]): Promise<readonly Row[]>;
  end(): Promise<void>;
}

/** Opens one connection, or rejects with an error that carries a `code`: PostgreSQL's SQLSTATE, or Node's. */
export type ConnectDatabase = (host: Host, orders: DatabaseOrders) => Promise<DatabaseSession>;

const CONNECT_SECONDS = 3;
const ANSWER_MS = 10_000;

export async function withSession<T>(
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
 * One connection: in clear, encrypted, or also checked against the CA. Names in the certificate are not compared: an endpoint may be an
 * address that the certificate does not list, and the CA signs for this cluster only (`sslmode=verify-ca`).
 */
export const connectPostgres: ConnectDatabase = async (at, orders) => {
  const options: postgres.Options<Record<string, never>> & { socket: () => Promise<Socket> } = {
    host: at.host,
    port: at.port,
    user: orders.user,
    pass: orders.password,
    database: orders.database,
    ssl: tlsOptions(orders),
    max: 1,
    connect_timeout: CONNECT_SECONDS,
    socket: onlyOnce(async () => {
      const socket = await openSocket(at);
      if (sslMode(orders) !== "disable") refuseClear(socket);
      return socket;
    }),
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

function tlsOptions(orders: DatabaseOrders): false | object {
  const mode = sslMode(orders);
  if (mode === "disable") return false;
  return mode === "require" ? { rejectUnauthorized: false } : { ca: orders.ca, checkServerIdentity: () => undefined };
}

/** The library connects again when a connection is lost; a session that did so would have lost its role and transaction. */
function onlyOnce<T>(open: () => Promise<T>): () => Promise<T> {
  let opened = false;
  return async () => {
    if (opened) throw Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" });
    opened = true;
    return open();
  };
}

/**
 * The server's first byte answers the request for TLS: `N` if it takes none (PostgreSQL 16, "Message Flow", 55.2.10). The
 * library would begin TLS all the same, and end without a cause.
 */
function refuseClear(socket: Socket): void {
  socket.once("data", (bytes: Buffer) => {
    if (bytes[0] === "N".charCodeAt(0)) socket.destroy(Object.assign(new Error("no TLS"), { code: "TLS_REFUSED" }));
  });
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

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "unknown error";
}

/** PostgreSQL 16, appendix A. */
export const isSqlState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code);
