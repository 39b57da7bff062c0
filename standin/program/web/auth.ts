/** Local users, clients and tokens, kept where Dex and Concourse keep them (skymarshal/dexserver, skymarshal/token). */

import { createHash, createSign, randomBytes, type KeyObject } from "node:crypto";
import { compare, getRounds, hash } from "bcryptjs";
import type { Sql } from "../database.ts";
import { Failure } from "../failure.ts";
import { messageOf, type Log } from "../log.ts";
import type { Settings } from "../settings.ts";
import { DEX_TABLES } from "./schema.ts";

export interface Claims {
  readonly sub: string;
  readonly name: string;
  readonly user_id: string;
  readonly email: string;
}

/** Concourse hashes plain passwords with this cost, and refuses to log in with one outside of the range. */
const COST = 10;
const COSTS = { least: 10, most: 16 };
/** bcrypt's own limit in bytes; a user with a longer password is left out. */
const LONGEST_PASSWORD = 72;

/** Environment that configures a connector other than local users. */
const CONNECTORS =
  /^CONCOURSE_((GITHUB|GITLAB|GITEA|BITBUCKET_CLOUD|MICROSOFT|OAUTH|OIDC|CF)_CLIENT_ID|LDAP_HOST|SAML_SSO_URL)$/;

/** Builds the main team's membership; the name of upstream's error is kept. */
export function mainTeamUsers(settings: Settings, environment: Readonly<Record<string, string | undefined>>): string[] {
  const users = settings.list("main-team-local-user").filter((user) => user !== "");
  const others = Object.entries(environment).some(
    ([name, value]) => name.startsWith("CONCOURSE_MAIN_TEAM_") && !name.endsWith("_LOCAL_USER") && value !== "",
  );
  if (users.length === 0 && !others && !settings.has("main-team-config")) {
    throw new Failure(
      "default team auth not configured: auth config for the team does not have users and groups configured",
    );
  }
  return users.map((user) => `local:${user.toLowerCase()}`);
}

export class Auth {
  readonly #sql: Sql;
  readonly #log: Log;
  readonly #signingKey: KeyObject;
  readonly #lifetime: number;
  readonly #issuer: string;
  readonly clients: ReadonlyMap<string, string>;

  constructor(sql: Sql, log: Log, settings: Settings, signingKey: KeyObject, issuer: string) {
    this.#sql = sql;
    this.#log = log;
    this.#signingKey = signingKey;
    this.#lifetime = settings.duration("auth-duration");
    this.#issuer = issuer;
    const web = settings.text("client-id");
    const worker = settings.text("tsa-client-id");
    this.clients = new Map([
      ...settings.pairs("add-client"),
      ["fly", "Zmx5"],
      [web, settings.text("client-secret") || this.#derive(web)],
      [worker, settings.text("tsa-client-secret") || this.#derive(worker)],
    ]);
  }

  /** Every start rewrites users, clients and connectors: the last web to start decides who can log in. */
  async rewrite(settings: Settings, environment: Readonly<Record<string, string | undefined>>): Promise<void> {
    await this.#sql.unsafe(DEX_TABLES);
    const users = await this.#users(settings);
    const connectors = users.length > 0 || Object.keys(environment).some((name) => CONNECTORS.test(name));
    if (!connectors) throw new Failure("server: no connectors specified");
    await this.#sql.begin(async (sql) => {
      await sql`DELETE FROM password`;
      for (const user of users) {
        await sql`INSERT INTO password (email, hash, username, user_id)
          VALUES (${user.name.toLowerCase()}, ${Buffer.from(user.hash)}, ${user.name}, ${user.name})
          ON CONFLICT (email) DO UPDATE SET hash = excluded.hash`;
      }
      await sql`DELETE FROM client`;
      for (const [id, secret] of this.clients) {
        await sql`INSERT INTO client (id, secret, redirect_uris, trusted_peers, public, name, logo_url)
          VALUES (${id}, ${secret}, ${Buffer.from("null")}, ${Buffer.from("null")}, ${id === "fly"}, '', '')`;
      }
      await sql`DELETE FROM connector`;
      await sql`INSERT INTO connector (id, type, name, resource_version)
        VALUES ('local', 'local', 'Username/Password', '')`;
    });
  }

  async #users(settings: Settings): Promise<{ name: string; hash: string }[]> {
    const users: { name: string; hash: string }[] = [];
    for (const [name, secret] of settings.pairs("add-local-user")) {
      if (name === "" || secret === "") continue;
      if (roundsOf(secret) !== null) users.push({ name, hash: secret });
      else if (Buffer.byteLength(secret) > LONGEST_PASSWORD) {
        this.#log.error("dex.bcrypt", "bcrypt: password length exceeds 72 bytes", { user: name });
      } else users.push({ name, hash: await hash(secret, COST) });
    }
    return users;
  }

  /** Null: wrong user or password. Throws Failure for a hash that Dex refuses to check. */
  async login(username: string, password: string): Promise<Claims | null> {
    const email = username.toLowerCase();
    const [row] = await this.#sql`SELECT hash, username, user_id FROM password WHERE email = ${email}`;
    if (row === undefined) return null;
    const stored = (row["hash"] as Buffer).toString();
    const rounds = roundsOf(stored) ?? 0;
    if (rounds < COSTS.least || rounds > COSTS.most) throw new Failure("Could not login user");
    if (!(await compare(password, stored))) return null;
    const name = row["username"] as string;
    const id = row["user_id"] as string;
    const sub = subject(id);
    await this.#sql`INSERT INTO users (sub, username, connector) VALUES (${sub}, ${name}, 'local')
      ON CONFLICT (sub) DO UPDATE SET username = excluded.username, last_login = now()`;
    return { sub, name, user_id: id, email };
  }

  /** A new opaque token, good on every web that shares the database. */
  async issue(claims: Claims): Promise<Record<string, unknown>> {
    const token = randomBytes(28).toString("base64url");
    const expires = new Date(Date.now() + this.#lifetime);
    await this.#sql`INSERT INTO access_tokens (token, sub, claims, expires_at)
      VALUES (${token}, ${claims.sub}, ${this.#sql.json({ ...claims })}, ${expires})`;
    return {
      access_token: token,
      token_type: "bearer",
      expires_in: Math.floor(this.#lifetime / 1000) - 1,
      id_token: this.#identity(claims, expires),
    };
  }

  async verify(token: string): Promise<Claims | null> {
    const [row] = await this.#sql`SELECT claims FROM access_tokens WHERE token = ${token} AND expires_at > now()`;
    return (row?.["claims"] as Claims | undefined) ?? null;
  }

  /** Beginning of a login in the browser: Dex stores a request, which needs the right to insert. */
  async beginRequest(clientId: string, redirectUri: string, state: string): Promise<string> {
    const id = randomBytes(15).toString("hex");
    await this.#sql`INSERT INTO auth_request (id, client_id, scopes, redirect_uri, state, expiry)
      VALUES (${id}, ${clientId}, ${Buffer.from("[]")}, ${redirectUri}, ${state}, now() + interval '24 hours')`;
    return id;
  }

  /** cmd/concourse/web.go: SHA-256 over the key's modulus in decimal and the client's id. */
  #derive(clientId: string): string {
    const { n = "" } = this.#signingKey.export({ format: "jwk" });
    const modulus = BigInt(`0x${Buffer.from(n, "base64url").toString("hex")}`).toString();
    return createHash("sha256").update(`${clientId}${modulus}`).digest("hex");
  }

  #identity(claims: Claims, expires: Date): string {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const body = {
      iss: this.#issuer,
      sub: claims.sub,
      aud: "fly",
      exp: Math.floor(expires.getTime() / 1000),
      iat: Math.floor(Date.now() / 1000),
      email: claims.email,
      email_verified: true,
      name: claims.name,
      federated_claims: { connector_id: "local", user_id: claims.user_id },
    };
    const text = `${part({ alg: "RS256" })}.${part(body)}`;
    return `${text}.${createSign("RSA-SHA256").update(text).sign(this.#signingKey, "base64url")}`;
  }
}

function roundsOf(secret: string): number | null {
  if (!/^\$2[aby]\$\d\d\$.{53}$/.test(secret)) return null;
  try {
    return getRounds(secret);
  } catch (error) {
    throw new Failure(messageOf(error));
  }
}

/** Dex's subject: a protobuf message of user id and connector id, in base64url. */
function subject(userId: string): string {
  const field = (tag: number, text: string) =>
    Buffer.concat([Buffer.from([tag, Buffer.byteLength(text)]), Buffer.from(text)]);
  return Buffer.concat([field(0x0a, userId), field(0x12, "local")]).toString("base64url");
}
