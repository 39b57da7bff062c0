import type { DatabaseOrders } from "../agent/contract.ts";

/**
 * The requirer's side of `postgresql_client` (Charmhub's data_interfaces library, version 0): the leader asks for a
 * database in the application bag; the provider answers with secrets granted to the application, or, without secrets, in
 * clear. It says most things twice, in plain fields and in `uris`: the plain ones count, for a password may stand in a URI
 * as it is; hosts are those of both.
 */

const DATABASE = "concourse";

/** What the leader writes into its application bag. Never changes, so it is written once. */
export const REQUEST: Readonly<Record<string, string>> = {
  database: DATABASE,
  "requested-secrets": JSON.stringify(["username", "password", "tls", "tls-ca", "uris", "read-only-uris"]),
};

type Fields = Readonly<Record<string, string>>;
type Host = DatabaseOrders["hosts"][number];

export interface Answer {
  /** Null while it is not complete. */
  readonly orders: DatabaseOrders | null;
  /** What of it cannot be read, in the words of the status; null if nothing. A URI is never shown: a password is in it. */
  readonly unreadable: string | null;
}

/** URIs of the secrets in a provider's application bag. */
export function secretsOf(bag: Fields): { user: string | null; tls: string | null } {
  return { user: bag["secret-user"] ?? null, tls: bag["secret-tls"] ?? null };
}

/**
 * Puts a provider's answer together.
 *
 * @param bag provider's application bag
 * @param user content of the secret `secret-user`, or null
 * @param tls content of the secret `secret-tls`, or null
 */
export function readAnswer(bag: Fields, user: Fields | null, tls: Fields | null): Answer {
  const said: Fields = { ...bag, ...user, ...tls };
  const endpoints = listed(said["endpoints"]).map((text) => ({ text, host: parseHost(text) }));
  const uris = listed(said["uris"], /,(?=\s*postgres(?:ql)?:\/\/)/).map(parseUri);
  const [uri = null] = uris.filter((one) => one !== null);
  const username = said["username"] ?? uri?.user;
  const password = said["password"] ?? uri?.password;
  const hosts = unique([
    ...endpoints.flatMap(({ host }) => host ?? []),
    ...uris.flatMap((one) => (one === null ? [] : one.hosts)),
  ]);
  const hasTls = isTrue(said["tls"]);
  const odd = endpoints.find(({ host }) => host === null);
  return {
    orders:
      !username || !password || hosts.length === 0
        ? null
        : {
            hosts,
            user: username,
            password,
            database: said["database"] || uri?.database || DATABASE,
            tls: hasTls,
            ca: hasTls ? (said["tls-ca"] ?? null) : null,
          },
    unreadable: odd
      ? `an endpoint that cannot be read: ${odd.text}`
      : uris.includes(null)
        ? "a connection URI that cannot be read"
        : null,
  };
}

/** Python's words for true, and others'. */
const isTrue = (text = ""): boolean => ["true", "1", "yes", "on", "enabled"].includes(text.trim().toLowerCase());

const listed = (text = "", separator: string | RegExp = ","): string[] =>
  text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== "");

const unique = (hosts: readonly Host[]): Host[] => [
  ...new Map(hosts.map((one) => [`${one.host} ${one.port}`, one])).values(),
];

interface Uri {
  readonly user: string;
  readonly password: string;
  readonly hosts: readonly Host[];
  readonly database: string;
}

/**
 * Parses `postgresql://user:password@host1:5432,host2:5432/database?…`. By hand, since URL does not know several hosts, and
 * because some providers write user and password as they are: whatever stands there, hosts begin behind the last `@` behind
 * which there are some. User, password and database are percent-decoded where they can be (libpq, "Connection URIs").
 */
export function parseUri(text: string): Uri | null {
  const rest = /^postgres(?:ql)?:\/\/(.+)$/s.exec(text.trim())?.[1];
  if (rest === undefined) return null;
  for (let at = rest.lastIndexOf("@"); at >= 0; at = at === 0 ? -1 : rest.lastIndexOf("@", at - 1)) {
    const place = parsePlace(rest.slice(at + 1));
    if (place === null) continue;
    const [, user = "", password = ""] = /^([^:]*)(?::(.*))?$/s.exec(rest.slice(0, at)) ?? [];
    return { user: decoded(user), password: decoded(password), ...place };
  }
  const place = parsePlace(rest);
  return place && { user: "", password: "", ...place };
}

/** `host1:5432,host2/database?…` */
function parsePlace(text: string): Pick<Uri, "hosts" | "database"> | null {
  const [, list, database = ""] = /^([^/?]*)(?:\/([^?]*))?(?:\?.*)?$/s.exec(text) ?? [];
  const hosts = listed(list).map(parseHost);
  if (hosts.length === 0 || hosts.includes(null)) return null;
  return { hosts: hosts.filter((host) => host !== null), database: decoded(database) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * `10.0.0.5:5432`, `db`, `[fd00::1]:5432`, and `fd00::1:5432`, as charmed PostgreSQL writes an IPv6 address: its last group
 * is the port where what is before it is an address. 5432 where no port is given.
 */
export function parseHost(text: string): Host | null {
  const [, bracketed, name, port] =
    /^(?:\[([^\]]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text) ?? ipv6WithPort(text) ?? [];
  const host = bracketed ?? name ?? (isIPv6(text) ? text : null);
  if (host === null || (bracketed !== undefined && !isIPv6(bracketed))) return null;
  const number = Number(port ?? 5432);
  return number > 0 && number < 65_536 ? { host, port: number } : null;
}

const isIPv6 = (text: string): boolean => /^[0-9A-Fa-f:.]+$/.test(text) && URL.canParse(`http://[${text}]`);

function ipv6WithPort(text: string): readonly (string | undefined)[] | null {
  const found = /^(.+):(\d{1,5})$/.exec(text);
  return found?.[1] !== undefined && isIPv6(found[1]) ? [text, found[1], undefined, found[2]] : null;
}
