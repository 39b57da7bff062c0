import type { DatabaseOrders } from "../agent/contract.ts";

/**
 * The requirer's side of `postgresql_client` (Charmhub's data_interfaces library, version 0): the leader asks for a
 * database in the application bag; the provider answers with secrets granted to the application, or, without secrets, in
 * clear.
 */

const DATABASE = "concourse";

/** What the leader writes into its application bag. Never changes, so it is written once. */
export const REQUEST: Readonly<Record<string, string>> = {
  database: DATABASE,
  "requested-secrets": JSON.stringify(["username", "password", "tls", "tls-ca", "uris", "read-only-uris"]),
};

type Fields = Readonly<Record<string, string>>;

/** URIs of the secrets in a provider's application bag. */
export function secretsOf(bag: Fields): { user: string | null; tls: string | null } {
  return { user: bag["secret-user"] ?? null, tls: bag["secret-tls"] ?? null };
}

/**
 * Puts a provider's answer together. Null while it is not complete.
 *
 * @param bag provider's application bag
 * @param user content of the secret `secret-user`, or null
 * @param tls content of the secret `secret-tls`, or null
 */
export function readAnswer(bag: Fields, user: Fields | null, tls: Fields | null): DatabaseOrders | null {
  const said: Fields = { ...bag, ...user, ...tls };
  const uri = parseUri(said["uris"] ?? "");
  const username = said["username"] ?? uri?.user;
  const password = said["password"] ?? uri?.password;
  const hosts = uri?.hosts ?? parseHosts(said["endpoints"] ?? "");
  if (!username || !password || hosts.length === 0) return null;
  return {
    hosts,
    user: username,
    password,
    database: uri?.database || said["database"] || DATABASE,
    ca: said["tls"]?.toLowerCase() === "true" ? (said["tls-ca"] ?? null) : null,
  };
}

/**
 * Parses `postgresql://user:password@host1:5432,host2:5432/database?…`. By hand, since URL does not know several hosts.
 * User, password and database are percent-decoded (libpq, "Connection URIs").
 */
export function parseUri(
  text: string,
): { user: string; password: string; hosts: { host: string; port: number }[]; database: string } | null {
  const match = /^postgres(?:ql)?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?]*)(?:\/([^?]*))?(?:\?.*)?$/.exec(text.trim());
  if (!match) return null;
  const [, user = "", password = "", hosts = "", database = ""] = match;
  try {
    return {
      user: decodeURIComponent(user),
      password: decodeURIComponent(password),
      hosts: parseHosts(hosts),
      database: decodeURIComponent(database),
    };
  } catch {
    return null;
  }
}

/** `10.0.0.5:5432,[fd00::1]:5432,db` → hosts with ports, 5432 where none is given. */
export function parseHosts(text: string): { host: string; port: number }[] {
  return text
    .split(",")
    .map((part) => /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(part.trim()))
    .filter((match) => match !== null)
    .map((match) => ({ host: match[1] ?? match[2] ?? "", port: Number(match[3] ?? 5432) }));
}
