/** Tables that this program uses, as upstream's migrations make and change them, and Dex's beside them. */

export type Direction = "up" | "down";

/** Of Concourse 7.14.3. */
const CONCOURSE_TABLES = `
CREATE TABLE IF NOT EXISTS teams (
  id serial PRIMARY KEY, name text NOT NULL, admin boolean DEFAULT false, legacy_auth text, nonce text, auth text);
CREATE UNIQUE INDEX IF NOT EXISTS index_teams_name_unique_case_insensitive ON teams (lower(name));
CREATE TABLE IF NOT EXISTS users (
  id serial PRIMARY KEY, sub text NOT NULL CONSTRAINT user_unique UNIQUE, username text NOT NULL,
  connector text NOT NULL, last_login timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS access_tokens (token text PRIMARY KEY, sub text NOT NULL, claims jsonb, expires_at timestamptz);
CREATE TABLE IF NOT EXISTS components (
  id serial PRIMARY KEY, name text NOT NULL UNIQUE, interval text NOT NULL, last_ran timestamptz,
  paused boolean DEFAULT false);
CREATE TABLE IF NOT EXISTS wall (message text NOT NULL, expires_at timestamptz);
CREATE TABLE IF NOT EXISTS workers (
  addr text UNIQUE, expires timestamptz, active_containers integer DEFAULT 0, resource_types text, platform text,
  tags text, baggageclaim_url text DEFAULT '', name text PRIMARY KEY, http_proxy_url text, https_proxy_url text,
  no_proxy text, start_time timestamptz, team_id integer REFERENCES teams (id) ON DELETE CASCADE,
  state text NOT NULL DEFAULT 'running', version text, certs_path text, ephemeral boolean,
  active_volumes integer DEFAULT 0, active_tasks integer DEFAULT 0);
CREATE TABLE IF NOT EXISTS pipelines (
  id serial PRIMARY KEY, name text NOT NULL, team_id integer NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
  paused boolean DEFAULT true, UNIQUE (team_id, name));
CREATE TABLE IF NOT EXISTS resources (
  id serial PRIMARY KEY, name text NOT NULL, type text NOT NULL,
  pipeline_id integer NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE, UNIQUE (pipeline_id, name));
CREATE TABLE IF NOT EXISTS resource_config_versions (
  id bigserial PRIMARY KEY, resource_config_scope_id integer NOT NULL, version jsonb NOT NULL, version_md5 text NOT NULL,
  CONSTRAINT resource_config_scope_id_and_version_md5_unique UNIQUE (resource_config_scope_id, version_md5));
CREATE TABLE IF NOT EXISTS builds (id bigserial PRIMARY KEY, name text NOT NULL, status text NOT NULL, error text);
`;

/** Versions of resources are told apart by another digest from 8.0 on. */
const SHA256: Readonly<Record<Direction, string>> = {
  up: `CREATE EXTENSION IF NOT EXISTS pgcrypto;
ALTER TABLE resource_config_versions ADD COLUMN version_sha256 text;
ALTER TABLE resource_config_versions DROP CONSTRAINT resource_config_scope_id_and_version_md5_unique;
UPDATE resource_config_versions SET version_sha256 = encode(digest(version::text, 'sha256'), 'hex');
ALTER TABLE resource_config_versions
  ADD CONSTRAINT resource_config_scope_id_and_version_sha256_unique UNIQUE (resource_config_scope_id, version_sha256);
ALTER TABLE resource_config_versions ALTER COLUMN version_md5 DROP NOT NULL`,
  down: `UPDATE resource_config_versions SET version_md5 = md5(version::text) WHERE version_md5 IS NULL;
ALTER TABLE resource_config_versions DROP COLUMN version_sha256;
ALTER TABLE resource_config_versions ALTER COLUMN version_md5 SET NOT NULL;
ALTER TABLE resource_config_versions
  ADD CONSTRAINT resource_config_scope_id_and_version_md5_unique UNIQUE (resource_config_scope_id, version_md5)`,
};

/** What each migration does to these tables; those that are not here do nothing to them. */
export const SCHEMA: Readonly<Partial<Record<number, Readonly<Record<Direction, string>>>>> = {
  1746768931: { up: CONCOURSE_TABLES, down: "" },
  1747084615: SHA256,
};

export const HISTORY_TABLE =
  "CREATE TABLE IF NOT EXISTS migrations_history (version bigint, tstamp timestamp with time zone, direction varchar, status varchar, dirty boolean)";

/** concourse/dex, storage/sql/migrate.go. */
export const DEX_TABLES = `
CREATE TABLE IF NOT EXISTS migrations (num integer NOT NULL, at timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS client (
  id text PRIMARY KEY, secret text NOT NULL, redirect_uris bytea NOT NULL, trusted_peers bytea NOT NULL,
  public boolean NOT NULL, name text NOT NULL, logo_url text NOT NULL);
CREATE TABLE IF NOT EXISTS auth_request (
  id text PRIMARY KEY, client_id text NOT NULL, scopes bytea NOT NULL, redirect_uri text NOT NULL, state text NOT NULL,
  expiry timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS auth_code (id text PRIMARY KEY, expiry timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS refresh_token (id text PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS offline_session (user_id text NOT NULL, conn_id text NOT NULL, PRIMARY KEY (user_id, conn_id));
CREATE TABLE IF NOT EXISTS password (
  email text PRIMARY KEY, hash bytea NOT NULL, username text NOT NULL, user_id text NOT NULL);
CREATE TABLE IF NOT EXISTS keys (id text PRIMARY KEY, next_rotation timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS connector (
  id text PRIMARY KEY, type text NOT NULL, name text NOT NULL, resource_version text NOT NULL, config bytea);
`;
