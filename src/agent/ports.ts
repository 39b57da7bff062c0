import type { Ports } from "../ports.ts";
import type { AgentState, DatabaseOrders, Preflight } from "./contract.ts";

/** What the agent needs of the world besides the ports it shares with the store. */
export interface AgentPorts extends Ports {
  readonly watch: Watch;
  readonly keys: Keys;
  readonly database: Database;
  /** Looks at what builds need of this machine. */
  readonly preflight: () => Promise<Preflight>;
  /** See `tryWorker` in `concourse/worker-api.ts`. */
  readonly tryWorker: (signal: AbortSignal) => Promise<void>;
  /** One line for the journal. */
  readonly log: (line: string) => void;
}

/**
 * Calls back with the name of every entry of a directory that is made, replaced or removed, until the returned function
 * is called. A directory that cannot be watched is none: whoever relies on it looks now and then as well.
 */
export type Watch = (directory: string, changed: (name: string) => void) => () => void;

export interface Keys {
  /** A new RSA private key as PKCS#1 PEM, made away from the main thread. */
  rsa(bits: number): Promise<string>;
  /** bcrypt, cost 10. */
  passwordHash(password: string): Promise<string>;
}

export interface Database {
  /** Picks the primary and puts its rights right. Bounded in time; problems are in the answer. */
  prepare(orders: DatabaseOrders): Promise<NonNullable<AgentState["database"]>>;
  /** Another answer than before: a web has looked for builds to follow. Null where that cannot be told. */
  lastTracked(at: { readonly host: string; readonly port: number }, orders: DatabaseOrders): Promise<string | null>;
}
