/**
 * What the provider of `postgresql_client` answers: its application bag and its secrets. Keys, groups and labels as in
 * data-platform-libs v0/data_interfaces.py (SECRET_LABEL_MAP, _generate_secret_label, diff) and
 * postgresql-operator 16/edge, src/relations/postgresql_provider.py (update_endpoints).
 */

/** Fields that go into a secret if the requirer lists them in `requested-secrets`, else into the bag. */
const GROUPS = {
  user: ["username", "password", "uris", "read-only-uris"],
  tls: ["tls", "tls-ca"],
} as const;

type Group = keyof typeof GROUPS;

export interface Question {
  readonly endpoint: string;
  readonly relationId: number;
  /** The requirer's application bag. */
  readonly remote: Readonly<Record<string, string>>;
}

export interface Facts {
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly version: string;
  /** `host:port` of every member in the order to tell; the primary alone in the charm. */
  readonly endpoints: readonly string[];
  readonly readOnlyEndpoints: readonly string[];
  /** PEM of the CA, or null with TLS off. */
  readonly ca: string | null;
}

export interface Answer {
  readonly bag: Readonly<Record<string, string>>;
  readonly secrets: readonly {
    readonly key: string;
    readonly label: string;
    readonly content: Readonly<Record<string, string>>;
  }[];
}

/** Composes the answer; each secret's URI belongs into the bag under its `key`. */
export function answer({ endpoint, relationId, remote }: Question, facts: Facts): Answer {
  const requested = new Set(requestedSecrets(remote));
  const fields: Record<string, string> = {
    username: facts.user,
    password: facts.password,
    uris: uri(facts, facts.endpoints),
    ...(requested.has("read-only-uris") ? { "read-only-uris": uri(facts, facts.readOnlyEndpoints) } : {}),
    tls: facts.ca === null ? "False" : "True",
    "tls-ca": facts.ca ?? "",
  };
  const secrets = (Object.keys(GROUPS) as Group[]).map((group) => ({
    key: `secret-${group}`,
    label: `${endpoint}.${relationId}.${group}.secret`,
    content: pick(
      fields,
      GROUPS[group].filter((field) => requested.has(field)),
    ),
  }));
  const { data: _, ...seen } = remote;
  return {
    bag: {
      data: JSON.stringify(seen),
      database: facts.database,
      endpoints: facts.endpoints.join(","),
      "read-only-endpoints": facts.readOnlyEndpoints.join(","),
      version: facts.version,
      ...pick(
        fields,
        Object.keys(fields).filter((field) => !requested.has(field)),
      ),
    },
    secrets: secrets.filter(({ content }) => Object.keys(content).length > 0),
  };
}

/**
 * A libpq URI with one or several hosts (PostgreSQL 16, libpq "Connection URIs"). The charm writes user and password as
 * they are, because it makes them of letters and digits; ours may hold any character.
 */
export function uri({ user, password, database }: Facts, endpoints: readonly string[]): string {
  return `postgresql://${percent(user)}:${percent(password)}@${endpoints.join(",")}/${percent(database)}`;
}

/** Also encodes what encodeURIComponent leaves and a sloppy parser may trip over. */
function percent(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function requestedSecrets(remote: Readonly<Record<string, string>>): string[] {
  const list: unknown = JSON.parse(remote["requested-secrets"] ?? "[]");
  return Array.isArray(list) ? list.map(String) : [];
}

function pick(fields: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])));
}
